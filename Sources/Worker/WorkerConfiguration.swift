import ClusterTLS
import Core

/// All that a worker has to be told.
package struct WorkerConfiguration: Sendable {
    /// For people: in logs, statistics and `fature status`.
    package var name: String
    /// PostgreSQL, as a URL or libpq keywords.
    package var databaseURL: String
    /// Redis, as a URL; nil: transactions are accepted, their commissions wait.
    package var redisURL: String?
    /// How many batches of commissions are paid side by side, each on a thread and a connection of its own.
    package var paymentLanes: Int
    package var listenHost: String
    /// 0 for any free port.
    package var port: Int
    /// `host:port` where gateways reach this worker; nil for the listening address.
    package var advertisedAddress: String?
    /// How long the lease lasts without renewal. A dead worker's shards stay without owner so long.
    package var leaseMilliseconds: Int
    /// How much this worker takes on, relative to others.
    package var capacity: Int
    /// With which gateways are made sure of; nil: plaintext, on loopback alone.
    package var credentials: CredentialPaths?

    package init(
        name: String, databaseURL: String, redisURL: String? = nil, paymentLanes: Int = 1, listenHost: String = "127.0.0.1",
        port: Int = 0, advertisedAddress: String? = nil,
        leaseMilliseconds: Int = 2500, capacity: Int = 1, credentials: CredentialPaths? = nil
    ) {
        self.name = name
        self.databaseURL = databaseURL
        self.redisURL = redisURL
        self.paymentLanes = paymentLanes
        self.listenHost = listenHost
        self.port = port
        self.advertisedAddress = advertisedAddress
        self.leaseMilliseconds = leaseMilliseconds
        self.capacity = capacity
        self.credentials = credentials
    }
}
