import Core
import Logging
import PostgresClient
import ServiceLifecycle
import Store

/// A coordinator process: while it leads, every shard that has no living owner gets one, and the plan that is applied is carried out.
///
/// All it knows is in PostgreSQL; its every write is checked against its term there. Several may run: one leads, the others wait for its lease
/// to end.
package final class CoordinatorService: Service {
    private let configuration: CoordinatorConfiguration
    private let logger: Logger

    /// Between two looks at the cluster. Milliseconds.
    private static let cycleMilliseconds = 150
    /// Between two looks at the hand-offs of a plan that is under way. Milliseconds.
    private static let stepMilliseconds = 20
    private static let patienceMilliseconds = 1500
    /// After PostgreSQL was away, workers get so many milliseconds to renew before their leases are taken.
    private static let renewalGraceMilliseconds = 1500
    /// The longest pause before another attempt to reach PostgreSQL.
    private static let reconnectMillisecondsMax = 250

    package init(configuration: CoordinatorConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Coordinates until a graceful shutdown, then gives leadership up.
    /// - Throws: when PostgreSQL cannot be reached at the start or has another schema, and when operators beyond loopback were to be answered
    ///   without certificates. That operators cannot be answered for another reason stops nothing.
    package func run() async throws {
        try configuration.administration?.requireCredentials()
        let pool = try PostgresPool(
            configuration: PostgresConfiguration(url: configuration.databaseURL, applicationName: "fature coordinator"),
            connections: 1,
            pendingMax: 16, connectWaitMilliseconds: 1000, reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        try await pool.withConnection { try Schema.requireCurrent($0) }
        let houseKeepers = try PostgresPool(
            configuration: PostgresConfiguration(
                url: configuration.databaseURL, applicationName: "fature coordinator housekeeping",
                statementTimeoutMilliseconds: Housekeeping.statementMillisecondsMax),
            connections: 1, pendingMax: 4, connectWaitMilliseconds: 1000)
        let administration = configuration.administration.map {
            AdministrationListener($0, databaseURL: configuration.databaseURL, logger: logger)
        }
        let reign = await cancelWhenGracefulShutdown {
            var reign = Reign(holder: "coordinator-\(UInt64.random(in: .min ... .max))", startedAt: .now)
            while !Task.isCancelled {
                await self.cycle(&reign, pool, houseKeepers)
                let next = ContinuousClock.now + .milliseconds(Self.cycleMilliseconds)
                do {
                    // A plan of hundreds of moves does not wait for the next cycle each time that one ends.
                    while reign.isRebalancing, ContinuousClock.now + .milliseconds(Self.stepMilliseconds) < next {
                        try await Task.sleep(for: .milliseconds(Self.stepMilliseconds))
                        await self.rebalance(&reign, isCycle: false, pool)
                    }
                    try await Task.sleep(until: next, clock: .continuous)
                } catch {
                    break
                }
            }
            return reign
        }
        if let term = reign.term {
            let holder = reign.holder
            do {
                try await pool.withConnection {
                    _ = try CoordinatorLease.resign(
                        term: term, holder: holder, on: $0, timeoutMilliseconds: Self.patienceMilliseconds)
                }
            } catch {
                logger.warning("leadership was not given up; it runs out by itself", metadata: ["error": "\(error)"])
            }
        }
        await administration?.shutDown()
        await houseKeepers.shutdown()
        await pool.shutdown()
        logger.notice("stopped")
    }

    /// What this coordinator remembers from one cycle to the next.
    private struct Reign {
        let holder: String
        let startedAt: ContinuousClock.Instant
        var term: Int64?
        /// Leases are not taken away before this moment.
        var patientUntil: ContinuousClock.Instant?
        var isDatabaseDown = false
        var housekeeping = Housekeeping()
        var standbys = StandbyKeeper()
        /// A plan is under way, and how its hand-offs were at the last look.
        var isRebalancing = false
        var mark: RebalanceExecution.Mark?
    }

    private func cycle(_ reign: inout Reign, _ pool: PostgresPool, _ houseKeepers: PostgresPool) async {
        do {
            try await lead(&reign, pool, houseKeepers)
        } catch {
            if !reign.isDatabaseDown { logger.warning("the cluster could not be looked at", metadata: ["error": "\(error)"]) }
            reign.isDatabaseDown = true
        }
    }

    private func lead(_ reign: inout Reign, _ pool: PostgresPool, _ houseKeepers: PostgresPool) async throws {
        let timeToLive = Int64(configuration.leaseMilliseconds)
        let holder = reign.holder
        let term = reign.term
        let current = try await pool.withConnection { connection -> Int64? in
            if let term,
                try CoordinatorLease.renew(
                    term: term, holder: holder, timeToLiveMilliseconds: timeToLive, on: connection,
                    timeoutMilliseconds: Self.patienceMilliseconds)
            {
                return term
            }
            return try CoordinatorLease.acquire(
                holder: holder, timeToLiveMilliseconds: timeToLive, on: connection, timeoutMilliseconds: Self.patienceMilliseconds
            )
        }
        if reign.isDatabaseDown {
            reign.isDatabaseDown = false
            // Workers could not renew either: from now on they have time for it, before anything is taken away.
            reign.patientUntil = .now + .milliseconds(Self.renewalGraceMilliseconds)
            logger.notice("PostgreSQL answers again")
        }
        if current != reign.term {
            if let current {
                logger.notice("leading", metadata: ["term": "\(current)"])
                // Whatever kept the leader before us from renewing may have kept the workers from it.
                reign.patientUntil = .now + .milliseconds(Self.renewalGraceMilliseconds)
            } else {
                logger.notice("another coordinator leads")
            }
            reign.term = current
        }
        guard let current else { return }
        let mayRelease = reign.patientUntil.map { ContinuousClock.now >= $0 } ?? true
        let sinceStart = ContinuousClock.now - reign.startedAt
        let care = ShardCare(configuration: configuration, term: current, timeoutMilliseconds: Self.patienceMilliseconds)
        let (news, standbys) = try await pool.withConnection {
            [known = reign.standbys, isRebalancing = reign.isRebalancing] connection in
            var standbys = known
            let news = try care.settle(
                mayRelease: mayRelease, sinceStart: sinceStart, isRebalancing: isRebalancing, &standbys, connection)
            return (news, standbys)
        }
        reign.standbys = standbys
        for line in news { logger.notice("\(line)") }
        await rebalance(&reign, isCycle: true, pool)
        if reign.housekeeping.isDue(.now) { keepHouse(houseKeepers) }
    }

    /// Goes on with the plan that is applied.
    /// - Parameter isCycle: looks whatever has happened, and for hand-offs whose time is over; otherwise only if one has ended.
    private func rebalance(_ reign: inout Reign, isCycle: Bool, _ pool: PostgresPool) async {
        guard let term = reign.term else {
            reign.isRebalancing = false
            return
        }
        let carrier = RebalanceCarrier(term: term, timeoutMilliseconds: Self.patienceMilliseconds)
        do {
            let progress = try await pool.withConnection { [mark = reign.mark] in
                try carrier.carry($0, since: isCycle ? nil : mark, abortsOverdue: isCycle)
            }
            reign.isRebalancing = progress.isUnderWay
            reign.mark = progress.mark
            for line in progress.news { logger.notice("\(line)") }
        } catch {
            // The next cycle tells whether PostgreSQL is away.
            reign.isRebalancing = false
            logger.warning("the plan could not be gone on with", metadata: ["error": "\(error)"])
        }
    }

    /// Beside the cycle, which must not wait for it: on a connection of its own, and bounded in time.
    private func keepHouse(_ pool: PostgresPool) {
        let logger = logger
        Task {
            do {
                for line in try await pool.withConnection({ try Housekeeping.run($0) }) { logger.notice("\(line)") }
            } catch {
                logger.warning("housekeeping failed; it is tried again in an hour", metadata: ["error": "\(error)"])
            }
        }
    }
}
