import Core
import Logging
import PostgresClient
import Store

/// Tells PostgreSQL that this gateway is there, and how fast it answers.
///
/// A gateway holds nothing, so whatever fails here stops nothing: it is logged once, and tried again at the next turn.
actor GatewayRegistrar {
    private let registration: GatewayRegistration
    private let pool: PostgresPool
    private let logger: Logger
    private var instance: GatewayInstanceID?
    private var window = LatencyWindow()
    private var isFailing = false
    private var hasLeft = false

    /// How often the lease is renewed, and how long it lasts without. Milliseconds.
    static let renewalMilliseconds = 500
    static let leaseMilliseconds: Int64 = 2500
    /// How long PostgreSQL may take over it.
    private static let patienceMilliseconds = 1000

    init(_ registration: GatewayRegistration, pool: PostgresPool, logger: Logger) {
        self.registration = registration
        self.pool = pool
        self.logger = logger
    }

    /// Renews the lease with a report, or registers when there is none.
    func report(_ sample: LoadSample) async {
        let report = window.add(sample, at: monotonicNow())
        guard !hasLeft else { return }
        do {
            if let known = instance {
                let isThere = try await pool.withConnection {
                    try GatewayLeases.renew(
                        known, report, timeToLiveMilliseconds: Self.leaseMilliseconds, on: $0,
                        timeoutMilliseconds: Self.patienceMilliseconds)
                }
                if !isThere { instance = nil }
            }
            if instance == nil { try await register() }
            if isFailing { logger.notice("the gateway is registered again") }
            isFailing = false
        } catch {
            if !isFailing {
                logger.warning(
                    "the gateway could not say that it is there; it serves on, and tries again", metadata: ["error": "\(error)"])
            }
            isFailing = true
        }
    }

    private func register() async throws {
        let registration = registration
        let given = try await pool.withConnection {
            try GatewayLeases.register(
                registration, timeToLiveMilliseconds: Self.leaseMilliseconds, on: $0,
                timeoutMilliseconds: Self.patienceMilliseconds)
        }
        instance = given
        logger.notice("registered", metadata: ["instance": "\(given)", "address": "\(registration.address)"])
    }

    /// Ends the lease: nobody has to wait until it runs out.
    func leave() async {
        hasLeft = true
        guard let instance else { return }
        do {
            _ = try await pool.withConnection {
                try GatewayLeases.release(instance, on: $0, timeoutMilliseconds: Self.patienceMilliseconds)
            }
        } catch {
            logger.info("the gateway's lease was not given back; it runs out by itself", metadata: ["error": "\(error)"])
        }
    }
}
