import ClusterSupport
import PostgresClient
import TestServers
import Testing

/// All suites with processes, one after the other: they share two cores with what they measure.
@Suite(.serialized) struct ClusterTests {}

extension ClusterTests {
    @Suite(.serialized) struct AnswerTests {
        @Test("every answer equals an independent model's")
        func answers() async throws {
            let cluster = try await TestCluster.start(affiliates: 3000, seed: 11)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                #expect(try HierarchyOracle.problems(connection) == [])
                let model = try NetworkModel(connection)
                var comparison = Comparison(model)
                var random = SeededGenerator(seed: 5)
                let clients = [cluster.client("gateway-1"), cluster.client("gateway-2")]
                var chosen: [Int64] = [
                    model.widest, TestNetwork.chainTop, TestNetwork.chainTop + 60, TestNetwork.starCentre, TestNetwork.loneRoot,
                    TestNetwork.highestRoot, TestNetwork.highestReferral,
                ]
                chosen += model.leaves.shuffled(using: &random).prefix(10) + model.roots.shuffled(using: &random).prefix(10)
                chosen += model.ids.shuffled(using: &random).prefix(40)
                for (at, id) in chosen.enumerated() {
                    let client = clients[at % 2]
                    try comparison.affiliate(id, client)
                    try comparison.upline(id, client)
                    try comparison.statuses(id, client)
                    for depth in [1, 2, 5, 100] {
                        let size = model.members(id, depth: depth, status: nil).count
                        for limit in [0, 1, 7, 50, 1000] where limit == 0 || size / limit <= 60 {
                            try comparison.network(id, depth: depth, limit: limit, status: nil, client)
                        }
                        for status in ["active", "inactive", "suspended", "banned"] {
                            try comparison.network(id, depth: depth, limit: 37, status: status, client)
                        }
                    }
                }
                for metric in ["direct_referrals", "network_size"] {
                    for limit in [1, 2, 10, 99, 100, 101, 1000] { try comparison.ranking(metric, limit: limit, clients[0]) }
                }
                try comparison.everything(clients[1])
                #expect(comparison.differences == [])
                #expect(comparison.questions > 5000)

                for unknown in ["600000000", "9223372036854775805", "4611686018427387904"] {
                    for part in ["", "/network", "/upline", "/statuses"] {
                        let answer = try clients[0].get("/api/v2/affiliates/\(unknown)\(part)")
                        #expect(answer.status == 404, "\(unknown)\(part)")
                        #expect(try answer.decode(ProblemAnswer.self).type == "/problems/unknown-affiliate")
                    }
                }
                for wrong in ["0", "-1", "9223372036854775808", "1e3", "1.0", "abc"] {
                    let answer = try clients[0].get("/api/v2/affiliates/\(wrong)")
                    #expect(answer.status == 400, "\(wrong)")
                    #expect(try answer.decode(ProblemAnswer.self).field == "affiliate_id")
                }
            }
        }
    }
}
