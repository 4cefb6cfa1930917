import ClusterTLS
import Core

/// Which requests are written to the log.
package enum AccessLogMode: String, Sendable, CaseIterable {
    case off
    /// Changes, refusals, failures and slow answers.
    case notable
    case all
}

/// All that a gateway has to be told.
package struct GatewayConfiguration: Sendable {
    /// For people: in `fature status` and `fature gateway ls`.
    package var name: String
    /// PostgreSQL, as a URL or libpq keywords.
    package var databaseURL: String
    /// Redis, as a URL; nil where there is none, and then `/health` says so.
    package var redisURL: String?
    package var listenHost: String
    /// 0 for any free port.
    package var port: Int
    /// Whether other gateways may listen on the same address beside this one.
    package var sharesPort: Bool
    /// `host:port` where callers reach this gateway; nil for the listening address.
    package var advertisedAddress: String?
    /// Event loops. Each has its own connections to all workers.
    package var threads: Int
    package var accessLog: AccessLogMode
    /// How long a request may take, milliseconds.
    package var deadlineMilliseconds: Int
    /// Requests that may be on their way at a time, on each event loop; more are refused.
    package var requestsPerThreadMax: Int
    /// Client connections at a time, on each event loop; more are closed at once.
    package var connectionsPerThreadMax: Int
    /// With which workers are made sure of; nil: plaintext, over loopback alone.
    package var credentials: CredentialPaths?

    package init(
        name: String = "gateway", databaseURL: String, redisURL: String? = nil, listenHost: String = "127.0.0.1",
        port: Int = 8080, sharesPort: Bool = false, advertisedAddress: String? = nil, threads: Int = 1,
        accessLog: AccessLogMode = .notable, deadlineMilliseconds: Int = 2000, requestsPerThreadMax: Int = 16_384,
        connectionsPerThreadMax: Int = 10_000, credentials: CredentialPaths? = nil
    ) {
        self.name = name
        self.databaseURL = databaseURL
        self.redisURL = redisURL
        self.listenHost = listenHost
        self.port = port
        self.sharesPort = sharesPort
        self.advertisedAddress = advertisedAddress
        self.threads = threads
        self.accessLog = accessLog
        self.deadlineMilliseconds = deadlineMilliseconds
        self.requestsPerThreadMax = requestsPerThreadMax
        self.connectionsPerThreadMax = connectionsPerThreadMax
        self.credentials = credentials
    }
}
