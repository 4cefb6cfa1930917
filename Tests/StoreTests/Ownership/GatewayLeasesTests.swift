import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct GatewayLeasesTests {
    private static let hour: Int64 = 3_600_000

    private func connection() async throws -> PostgresConnection {
        let connection = try await TestDatabase.create().connect()
        try Schema.migrate(connection)
        return connection
    }

    private func register(_ name: String, timeToLive: Int64 = hour, _ connection: PostgresConnection) throws -> GatewayInstanceID
    {
        try GatewayLeases.register(
            GatewayRegistration(name: name, address: "\(name):8080", version: "1.0"), timeToLiveMilliseconds: timeToLive,
            on: connection)
    }

    @Test("a gateway registers, renews with a report while its row is there, and releases it once")
    func lease() async throws {
        let connection = try await connection()
        let first = try register("g", connection)
        let second = try register("g", connection)
        #expect(first < second)
        var gateways = try GatewayLeases.all(on: connection)
        #expect(gateways.map(\.instance) == [first, second])
        #expect(gateways[0].registration == GatewayRegistration(name: "g", address: "g:8080", version: "1.0"))
        #expect(gateways[0].report == GatewayReport())
        #expect((Self.hour - 60_000...Self.hour).contains(gateways[0].leaseMillisecondsLeft))
        let now = try connection.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        #expect((now - 600_000_000...now).contains(gateways[0].startedAtMicroseconds))

        let report = GatewayReport(p99Microseconds: 1234, requestsPerSecond: 56, parkedRequests: 7)
        #expect(try GatewayLeases.renew(first, report, timeToLiveMilliseconds: 2 * Self.hour, on: connection))
        gateways = try GatewayLeases.all(on: connection)
        #expect(gateways[0].report == report && gateways[0].leaseMillisecondsLeft > Self.hour)
        #expect(gateways[1].report == GatewayReport())
        #expect(try GatewayLeases.release(first, on: connection))
        #expect(try !GatewayLeases.release(first, on: connection))
        #expect(try !GatewayLeases.renew(first, report, timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(try GatewayLeases.all(on: connection).map(\.instance) == [second])
        #expect(throws: PostgresError.self) { try register("", connection) }
    }

    @Test("the worst p99 is that of the slowest living gateway, and nil while none has answered anything")
    func worst() async throws {
        let connection = try await connection()
        #expect(try GatewayLeases.worstP99Microseconds(on: connection) == nil)
        let gateways = try ["a", "b", "c"].map { try register($0, connection) }
        #expect(try GatewayLeases.worstP99Microseconds(on: connection) == nil)
        for (gateway, p99) in zip(gateways, [700, nil, 90_000] as [Int64?]) {
            #expect(
                try GatewayLeases.renew(
                    gateway, GatewayReport(p99Microseconds: p99), timeToLiveMilliseconds: Self.hour, on: connection))
        }
        #expect(try GatewayLeases.worstP99Microseconds(on: connection) == 90_000)
        // Its lease runs out: what it last said counts no more.
        #expect(
            try GatewayLeases.renew(
                gateways[2], GatewayReport(p99Microseconds: 90_000), timeToLiveMilliseconds: 0, on: connection))
        #expect(try GatewayLeases.worstP99Microseconds(on: connection) == 700)
        #expect(try GatewayLeases.all(on: connection).count == 3)
    }

    @Test("a lease that ran out may be renewed, until others delete it a minute later")
    func age() async throws {
        let connection = try await connection()
        let dead = try register("dead", connection)
        let late = try register("late", connection)
        let living = try register("living", connection)
        func expire(_ gateway: GatewayInstanceID, secondsAgo: Int64) throws {
            _ = try connection.execute(
                "UPDATE fature_v2.gateway_lease SET expires_at = clock_timestamp() - $2 * interval '1 second' WHERE instance_id = $1",
                [.int(gateway.rawValue), .int(secondsAgo)])
        }
        try expire(dead, secondsAgo: 61)
        try expire(late, secondsAgo: 50)
        #expect(try GatewayLeases.renew(living, GatewayReport(), timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(try GatewayLeases.all(on: connection).map(\.instance) == [late, living])
        #expect(try GatewayLeases.renew(late, GatewayReport(), timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(try !GatewayLeases.renew(dead, GatewayReport(), timeToLiveMilliseconds: Self.hour, on: connection))
        try expire(living, secondsAgo: 61)
        let next = try register("next", connection)
        #expect(try GatewayLeases.all(on: connection).map(\.instance) == [late, next])
    }
}
