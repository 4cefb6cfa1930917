import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

extension ClusterTests {
    @Suite(.serialized) struct LostAnswerTests {
        @Test("a change whose commit's answer or request is lost is answered as PostgreSQL has it")
        func lostCommits() async throws {
            let server = try await PrivatePostgres.shared()
            let proxy = try PostgresProxy(to: server.port)
            defer { proxy.stop() }
            let cluster = try await TestCluster.start(gateways: 1, affiliates: 300, seed: 61, workersReachPostgresAt: proxy.port)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let client = cluster.client()
                let answers = Tally()
                func isThere(_ externalID: String) throws -> Bool {
                    try connection.execute(
                        "SELECT 1 FROM fature_v2.affiliates_optimized WHERE external_id = $1", [.text(externalID)]
                    ).rowCount == 1
                }
                for round in 0..<40 {
                    let fault: PostgresProxy.Fault = round % 2 == 0 ? .loseAnswer : .loseRequest
                    let externalID = "lost-\(round)"
                    proxy.arm(fault)
                    let answer = try client.send(
                        "POST", "/api/v2/affiliates",
                        ["external_id": externalID, "name": "Lost", "parent_affiliate_id": TestNetwork.starCentre])
                    #expect(!proxy.isArmed)
                    let kind = Tally.kind(answer)
                    answers.note("\(fault) \(kind)", answer.milliseconds)
                    #expect(kind == "201" || kind == "503 database-unavailable", "\(fault): \(answer.text)")
                    #expect(try isThere(externalID) == (kind == "201"), "\(fault): \(answer.text)")
                }
                for round in 0..<10 {
                    proxy.arm(.loseAnswer)
                    let status = round % 2 == 0 ? "banned" : "active"
                    let changed = try client.send("PATCH", "/api/v2/affiliates/\(TestNetwork.loneRoot)", ["status": status])
                    answers.note("status \(Tally.kind(changed))", changed.milliseconds)
                    if changed.status == 200 { #expect(try changed.decode(AffiliateAnswer.self).status == status) }
                    proxy.arm(.loseAnswer)
                    let parent = round % 2 == 0 ? TestNetwork.chainTop : TestNetwork.starCentre
                    let moved = try client.send(
                        "POST", "/api/v2/affiliates/\(TestNetwork.loneRoot)/move",
                        ["new_parent_affiliate_id": parent, "reason": "lost"])
                    answers.note("move \(Tally.kind(moved))", moved.milliseconds)
                    #expect([200, 503].contains(moved.status), "\(moved.text)")
                }
                print("lost answers: \(answers.summary)")
                #expect(
                    answers["loseAnswer 201"] > 0 && answers["loseRequest 503 database-unavailable"] > 0, "\(answers.summary)")
                #expect(answers["status 200"] > 0, "\(answers.summary)")
                #expect(try cluster.differences() == [])
            }
        }

        @Test("backends terminated again and again under load lose nothing acknowledged and write nothing refused")
        func terminatedBackends() async throws {
            let cluster = try await TestCluster.start(affiliates: 500, seed: 62)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let watch = try Watch(cluster, victim: nil, writers: 4)
                let start = ContinuousClock.now
                var terminated: Int64 = 0
                // Six seconds; on a slow machine until there is something to look at.
                while ContinuousClock.now < start + .seconds(6)
                    || (watch.writes["201"] <= 50 || terminated <= 20) && ContinuousClock.now < start + .seconds(60)
                {
                    terminated += try connection.execute(
                        """
                        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                        WHERE application_name LIKE 'fature worker % write' AND datname = current_database() AND state = 'active'
                        """
                    ).int(0, 0)
                    // Some writes end in peace, however slow the disk is.
                    usleep(watch.writes["201"] <= 50 && terminated > 20 ? 100_000 : 3000)
                }
                try watch.finish()
                print("terminated backends: \(terminated); \(watch.summary)")
                #expect(terminated > 20)
                #expect(watch.reads.kinds == ["200"], "\(watch.summary)")
                #expect(
                    watch.writes.kinds.isSubset(of: [
                        "201", "503 database-unavailable", "503 outcome-unknown", "504 deadline-exceeded",
                    ]),
                    "\(watch.summary)")
                #expect(watch.writes["201"] > 50, "\(watch.summary)")
                #expect(try cluster.differences() == [])
            }
        }
    }
}
