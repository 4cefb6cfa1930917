import Store

/// Every gateway that has reported lately, as `fature gateway ls --json` prints them.
package struct GatewayListDocument: Codable, Sendable {
    package struct Entry: Codable, Sendable {
        package let name: String
        package let instance: Int64
        package let address: String
        package let version: String
        /// Until the lease ends by PostgreSQL's clock; 0 or less: it has.
        package let leaseMillisecondsLeft: Int64
        /// Of its last ten seconds; nil: it answered nothing in them.
        package let p99Microseconds: Int64?
        package let requestsPerSecond: Int64
        /// Requests that wait for a shard's new owner now.
        package let parkedRequests: Int64
    }

    package let gateways: [Entry]
}

extension GatewayListDocument.Entry {
    package init(_ gateway: RegisteredGateway) {
        self.init(
            name: gateway.registration.name, instance: gateway.instance.rawValue, address: gateway.registration.address,
            version: gateway.registration.version, leaseMillisecondsLeft: gateway.leaseMillisecondsLeft,
            p99Microseconds: gateway.report.p99Microseconds, requestsPerSecond: gateway.report.requestsPerSecond,
            parkedRequests: gateway.report.parkedRequests)
    }
}
