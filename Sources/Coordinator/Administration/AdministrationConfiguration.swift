import Administration
import ClusterTLS

/// Where and how a coordinator answers operators.
package struct AdministrationConfiguration: Sendable {
    /// Port 0: any free one.
    package var address: AdministrationAddress
    package var token: AdministrationToken
    /// By which operators are made sure of; nil: plaintext, on loopback alone.
    package var credentials: CredentialPaths?
    package var limits: AdministrationLimits

    package init(
        address: AdministrationAddress, token: AdministrationToken, credentials: CredentialPaths?,
        limits: AdministrationLimits = AdministrationLimits()
    ) {
        self.address = address
        self.token = token
        self.credentials = credentials
        self.limits = limits
    }

    /// - Throws: `missing` beyond loopback without certificates, saying what to give.
    func requireCredentials() throws(ClusterTLSError) {
        try CredentialPaths.require(credentials, toListenOn: address.host, as: "a coordinator that operators reach")
    }
}

/// What strangers and operators may cost a coordinator.
package struct AdministrationLimits: Sendable {
    package var connectionsMax = 64
    /// Requests that PostgreSQL is asked for at once, those that wait for a connection included.
    package var requestsAtWorkMax = 8
    /// The request line and the headers.
    package var headBytesMax = 8 * 1024
    package var headersMax = 64
    package var bodyBytesMax = 64 * 1024
    /// For how long a connection may have no request, or not the whole head of one, and leave an answer unread. Milliseconds.
    package var idleMilliseconds: Int64 = 30_000
    /// From a request's head to its answer. Milliseconds.
    package var requestMilliseconds: Int64 = 35_000

    /// Connections to PostgreSQL.
    static let databaseConnections = 2
    /// One statement of them; a plan may take so long. Milliseconds.
    static let statementMilliseconds = 30_000
    /// How long a request waits for PostgreSQL to come back, and an attempt to reach it takes. Milliseconds.
    static let databaseWaitMilliseconds = 1_000
    /// How long a client is listened to that has been refused while it was sending. Milliseconds.
    static let farewellMilliseconds: Int64 = 1_000
    /// How long a shutdown waits for the requests at work. Milliseconds.
    static let shutdownMilliseconds: Int64 = 8_000

    package init() {}
}
