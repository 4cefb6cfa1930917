import ClusterSupport
import Foundation
import PostgresClient
import Store
import Testing

extension ClusterTests {
    @Suite(.serialized) struct GatewayLeaseTests {
        private static func living(_ connection: PostgresConnection) throws -> [RegisteredGateway] {
            try GatewayLeases.all(on: connection).filter { $0.leaseMillisecondsLeft > 0 }
        }

        @Test(
            "a gateway says where it is and how fast it answers, registers again when its row is gone, and leaves none behind when it stops"
        )
        func lease() async throws {
            let cluster = try await TestCluster.start(workers: 1, gateways: 2, affiliates: 300, seed: 71)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                try TestCluster.wait("both gateways have registered") { try Self.living(connection).count == 2 }
                let first = try #require(try Self.living(connection).first { $0.registration.name == "gateway-1" })
                #expect(first.registration.address == "127.0.0.1:\(cluster.port("gateway-1"))")

                let client = cluster.client("gateway-1")
                try TestCluster.wait("gateway-1 reports what it answers") {
                    for _ in 0..<20 { _ = try client.get("/api/v2/stats") }
                    let report = try Self.living(connection).first { $0.instance == first.instance }?.report
                    return report?.p99Microseconds ?? 0 > 0 && report?.requestsPerSecond ?? 0 > 0
                }
                #expect(try GatewayLeases.worstP99Microseconds(on: connection) ?? 0 > 0)
                let listed = try cluster.run("gateway", "ls", "--json")
                #expect(listed.status == 0, "\(listed.text)\(listed.remarks)")
                let document = try #require(try JSONSerialization.jsonObject(with: listed.output) as? [String: Any])
                let names = (document["gateways"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
                #expect(names?.sorted() == ["gateway-1", "gateway-2"])
                #expect(try cluster.run("status").text.contains("gateway-2"))

                _ = try GatewayLeases.release(first.instance, on: connection)
                try TestCluster.wait("gateway-1 registers again") {
                    try Self.living(connection).contains {
                        $0.registration.name == "gateway-1" && $0.instance > first.instance
                    }
                }
                #expect(try client.get("/api/v2/stats").status == 200)

                cluster.end("gateway-1")
                try TestCluster.wait("gateway-1 has given its lease back") {
                    try GatewayLeases.all(on: connection).map(\.registration.name) == ["gateway-2"]
                }
                cluster.kill("gateway-2")
                try TestCluster.wait("the lease of a gateway that was killed runs out") { try Self.living(connection).isEmpty }
            }
        }

        @Test("a gateway that cannot register serves all the same, and says so once")
        func unregistered() async throws {
            let cluster = try await TestCluster.start(workers: 1, gateways: 1, affiliates: 300, seed: 72)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                try TestCluster.wait("the gateway has registered") { try !Self.living(connection).isEmpty }
                _ = try connection.execute("ALTER TABLE fature_v2.gateway_lease RENAME TO gateway_lease_away")
                let complaint = "could not say that it is there"
                try TestCluster.wait("the gateway complains") { cluster.log("gateway-1").contains(complaint) }
                Thread.sleep(forTimeInterval: 1.5)
                #expect(try cluster.client().get("/api/v2/stats").status == 200)
                #expect(cluster.log("gateway-1").components(separatedBy: complaint).count == 2)
                _ = try connection.execute("ALTER TABLE fature_v2.gateway_lease_away RENAME TO gateway_lease")
                try TestCluster.wait("the gateway is there again") {
                    try !Self.living(connection).isEmpty && cluster.log("gateway-1").contains("registered again")
                }
            }
        }
    }
}
