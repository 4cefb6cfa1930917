import Core
import PostgresClient

/// What a gateway says of itself when it registers.
package struct GatewayRegistration: Sendable, Equatable {
    /// Its name, for people; may repeat from boot to boot.
    package var name: String
    /// `host:port` where callers reach it.
    package var address: String
    /// The version of its binary.
    package var version: String

    package init(name: String, address: String, version: String) {
        self.name = name
        self.address = address
        self.version = version
    }
}

/// How a gateway does, of its last ten seconds or so.
package struct GatewayReport: Sendable, Equatable {
    /// 99 of 100 requests were answered within so much, microseconds; nil: it answered none.
    package var p99Microseconds: Int64?
    /// Requests answered in a second.
    package var requestsPerSecond: Int64
    /// Requests that wait for a shard's new owner, at the moment.
    package var parkedRequests: Int64

    package init(p99Microseconds: Int64? = nil, requestsPerSecond: Int64 = 0, parkedRequests: Int64 = 0) {
        self.p99Microseconds = p99Microseconds
        self.requestsPerSecond = requestsPerSecond
        self.parkedRequests = parkedRequests
    }
}

/// A gateway with its lease, as everybody sees it.
package struct RegisteredGateway: Sendable, Equatable {
    package var instance: GatewayInstanceID
    package var registration: GatewayRegistration
    /// Microseconds since 1970.
    package var startedAtMicroseconds: Int64
    /// Until the lease runs out, by the server's clock; 0 or less: it has.
    package var leaseMillisecondsLeft: Int64
    /// What it last reported.
    package var report: GatewayReport
}

/// The gateways that run. A gateway owns nothing: its lease tells others that it is there and how fast it answers, and gives it no rights.
/// All times are the server's.
package enum GatewayLeases {
    /// For how long a gateway whose lease ran out is still shown. Milliseconds.
    package static let keptMilliseconds: Int64 = 60_000

    /// Enters a gateway. Each boot of a process enters itself anew.
    package static func register(
        _ registration: GatewayRegistration, timeToLiveMilliseconds: Int64, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> GatewayInstanceID {
        let result = try connection.execute(
            "SELECT fature_v2.register_gateway($1, $2, $3, $4, $5)",
            [
                .text(registration.name), .text(registration.address), .text(registration.version), .int(timeToLiveMilliseconds),
                .int(keptMilliseconds),
            ], timeoutMilliseconds: timeoutMilliseconds)
        return GatewayInstanceID(try result.int(0, 0))
    }

    /// Extends the lease, even one that ran out, and says how the gateway does.
    /// - Returns: false when the lease is gone: register anew.
    package static func renew(
        _ instance: GatewayInstanceID, _ report: GatewayReport, timeToLiveMilliseconds: Int64, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> Bool {
        try connection.execute(
            "SELECT fature_v2.renew_gateway($1, $2, $3, $4, $5, $6)",
            [
                .int(instance.rawValue), .int(timeToLiveMilliseconds), .optionalInt(report.p99Microseconds),
                .int(report.requestsPerSecond), .int(report.parkedRequests), .int(keptMilliseconds),
            ], timeoutMilliseconds: timeoutMilliseconds
        ).bool(0, 0)
    }

    /// Ends the lease.
    /// - Returns: false when it was gone already.
    @discardableResult
    package static func release(
        _ instance: GatewayInstanceID, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Bool {
        try connection.execute(
            "SELECT fature_v2.release_gateway($1)", [.int(instance.rawValue)], timeoutMilliseconds: timeoutMilliseconds
        ).bool(0, 0)
    }

    /// Every registered gateway by instance, those too whose lease ran out less than `keptMilliseconds` ago.
    package static func all(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> [RegisteredGateway] {
        let result = try connection.execute(
            """
            SELECT instance_id, name, address, version, (extract(epoch FROM started_at) * 1000000)::bigint,
                floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint, p99_microseconds, requests_per_second,
                parked_requests
            FROM fature_v2.gateway_lease ORDER BY instance_id
            """, timeoutMilliseconds: timeoutMilliseconds)
        var gateways: [RegisteredGateway] = []
        for row in 0..<result.rowCount {
            let registration = GatewayRegistration(
                name: try result.text(row, 1), address: try result.text(row, 2), version: try result.text(row, 3))
            let report = GatewayReport(
                p99Microseconds: try result.optionalInt(row, 6), requestsPerSecond: try result.int(row, 7),
                parkedRequests: try result.int(row, 8))
            gateways.append(
                RegisteredGateway(
                    instance: GatewayInstanceID(try result.int(row, 0)), registration: registration,
                    startedAtMicroseconds: try result.int(row, 4), leaseMillisecondsLeft: try result.int(row, 5), report: report))
        }
        return gateways
    }

    /// The slowest p99 among the gateways whose lease lasts, microseconds; nil: none of them has answered anything lately.
    package static func worstP99Microseconds(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> Int64?
    {
        try connection.execute(
            "SELECT max(p99_microseconds) FROM fature_v2.gateway_lease WHERE expires_at > clock_timestamp()",
            timeoutMilliseconds: timeoutMilliseconds
        ).optionalInt(0, 0)
    }
}
