import Core
import Foundation
import PostgresClient
import Store
import Testing

@Suite("fature rebalance, shard and worker", .serialized)
struct RebalanceCommandTests {
    /// Workers w1 to w3 with a lease; w1 and w2 own all shards in turn, each of `affiliates`.
    private func desk(affiliates: Int64 = 100) async throws -> OperatorDesk {
        let desk = try await OperatorDesk.open()
        let connection = try desk.connect()
        for number in 1...3 {
            _ = try WorkerLeases.register(
                WorkerRegistration(name: "w\(number)", address: "w\(number):7000", capacity: 1, version: "1"),
                timeToLiveMilliseconds: 3_600_000, on: connection)
        }
        _ = try connection.execute("UPDATE fature_v2.shard SET owner = id % 2 + 1, epoch = 1")
        _ = try connection.execute("UPDATE fature_v2.shard_sequence SET affiliates_count = $1", [.int(affiliates)])
        return desk
    }

    /// Moves the shards of a kept plan as its hand-offs would.
    private func carryOut(_ plan: Int, _ desk: OperatorDesk) throws {
        _ = try desk.connect().execute(
            """
            UPDATE fature_v2.shard s SET owner = m.to_instance, epoch = s.epoch + 1
            FROM fature_v2.rebalance_move m WHERE m.plan_id = $1 AND m.shard_id = s.id
            """, [.int(Int64(plan))])
    }

    @Test("a plan is numbered and kept with status 2; the plan after it was carried out is empty with status 0")
    func plans() async throws {
        let desk = try await desk()
        let planned = try await desk.fature("rebalance plan --json")
        #expect(planned.status == 2, "\(planned.all)")
        let document = try planned.json
        let number = try #require(document["plan"] as? Int)
        let moves = try #require(document["moves"] as? [[String: Any]])
        // Each of the two has 128 of 256 shards, of which 85 and the threshold are its share.
        #expect(moves.count == 70 && moves.allSatisfy { $0["to"] as? String == "w3" && $0["reason"] as? String == "overload" })
        #expect(document["imbalance_before"] as? Int == 5_000 && (document["imbalance_after"] as? Int ?? 9_999) <= 1_000)
        #expect(document["affiliates_moved"] as? Int == 7_000)
        let again = try await desk.fature("rebalance plan --json").json
        #expect(again["plan"] as? Int == number + 1)
        #expect(try Self.shape(again) == Self.shape(document), "the same state gives the same plan")
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.rebalance_move WHERE plan_id = \(number)") == ["70"])
        #expect(
            try desk.texts("SELECT record_id, operation FROM fature_v2.audit_log WHERE actor LIKE 'cli:%' ORDER BY audit_id")
                == ["\(number) insert", "\(number + 1) insert"])

        try carryOut(number, desk)
        let after = try await desk.fature("rebalance plan --json")
        #expect(try after.status == 0 && (after.json["moves"] as? [Any])?.isEmpty == true, "\(after.all)")
        let text = try await desk.fature("rebalance plan --explain")
        #expect(
            text.status == 0 && text.output.contains("nothing to move") && text.output.contains("fair share: "), "\(text.all)")
        let list = try await desk.fature("rebalance ls --json").json
        #expect((list["plans"] as? [[String: Any]])?.map { $0["moves"] as? Int } == [0, 0, 70, 70])
        let shown = try await desk.fature("rebalance show \(number)")
        #expect(shown.status == 0 && shown.output.hasPrefix("plan \(number) (planned): 70 moves"), "\(shown.all)")
        #expect(shown.output.contains("w1 carries 150% of its fair share"), "\(shown.all)")
        #expect(try await desk.fature("rebalance show 99").status == 1)
    }

    private static func shape(_ document: [String: Any]) throws -> String {
        var document = document
        document["plan"] = nil
        return String(decoding: try JSONSerialization.data(withJSONObject: document, options: .sortedKeys), as: UTF8.self)
    }

    @Test("a dry run shows the same plan and keeps nothing; limits and weights are taken")
    func options() async throws {
        let desk = try await desk()
        let dry = try await desk.fature("rebalance plan --dry-run --max-moves 3 --json")
        #expect(try dry.status == 2 && dry.json["plan"] == nil && dry.json["is_cut_short"] as? Bool == true, "\(dry.all)")
        #expect(try (dry.json["moves"] as? [Any])?.count == 3)
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.rebalance_plan") == ["0"])
        #expect(try await desk.fature("rebalance plan --threshold 50% --dry-run").status == 0)
        #expect(try await desk.fature("rebalance plan --threshold 49.5 --dry-run").status == 2)
        // All transactions are of shard 7, which is w2's: nothing else there weighs.
        try desk.accept(1...50)
        for weight in ["traffic", "jobs"] {
            let plan = try await desk.fature("rebalance plan --weight \(weight) --dry-run --json").json
            let workers = try #require(plan["workers"] as? [[String: Any]])
            #expect(workers.map { $0["weight_before"] as? Int } == [128, 178, 0], "\(weight)")
        }
    }

    @Test("a worker is drained by name or instance, for a plan or for good, and a cordoned one is left alone")
    func standings() async throws {
        let desk = try await desk()
        let plan = try await desk.fature("rebalance plan --drain 2 --dry-run --json").json
        #expect(plan["drain"] as? [String] == ["w2"])
        let moves = try #require(plan["moves"] as? [[String: Any]])
        #expect(moves.count { $0["reason"] as? String == "drain" } == 128)
        #expect(!moves.contains { $0["to"] as? String == "w2" })

        #expect(try await desk.fature("worker cordon w3 --dry-run").output == "w3 would be cordoned\n")
        let cordoned = try await desk.fature(["worker", "cordon", "3", "--reason", "a test", "--json"])
        #expect(try cordoned.status == 0 && cordoned.json["worker_id"] as? String == "w3", "\(cordoned.all)")
        #expect(try await desk.fature("rebalance plan --json").status == 0, "w1 and w2 are even")
        let drained = try await desk.fature(["worker", "drain", "w2"])
        #expect(drained.output == "w2 is draining; `fature rebalance plan` shows where its 128 shards go\n", "\(drained.all)")
        let workers = try #require(try await desk.fature("worker ls --json").json["workers"] as? [[String: Any]])
        #expect(workers.map { $0["worker_id"] as? String } == ["w1", "w2", "w3"])
        #expect(workers.map { $0["standing"] as? String } == ["open", "draining", "cordoned"])
        #expect(workers[2]["standing_reason"] as? String == "a test" && workers[1]["shards"] as? Int == 128)
        let all = try await desk.fature("rebalance plan --json").json
        #expect((all["moves"] as? [[String: Any]])?.allSatisfy { $0["to"] as? String == "w1" } == true)
        #expect(try await desk.fature("worker cordon w1").status == 0)
        let refused = try await desk.fature("rebalance plan")
        #expect(refused.status == 4 && refused.errors.contains("no worker is open"), "\(refused.all)")
        #expect(try await desk.fature("worker uncordon w3").output == "w3 is open\n")
        #expect(try await desk.fature("worker uncordon w3").output == "w3 is open already\n")
        #expect(try await desk.fature("worker ls").output.contains("draining"))
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.audit_log WHERE table_name = 'worker_standing'") == ["4"])
    }

    @Test("shards without a living owner, and a plan under way, refuse a plan with status 4")
    func refusals() async throws {
        let desk = try await desk()
        let connection = try desk.connect()
        _ = try connection.execute("UPDATE fature_v2.shard SET owner = NULL WHERE id < 3")
        let free = try await desk.fature("rebalance plan")
        #expect(free.status == 4 && free.errors.contains("3 shards have no living owner"), "\(free.all)")
        _ = try connection.execute("UPDATE fature_v2.shard SET owner = 1 WHERE id < 3")
        let number = try #require(try await desk.fature("rebalance plan --json").json["plan"] as? Int)
        #expect(try RebalancePlans.apply(Int64(number), origin: ChangeOrigin(actor: "tests"), on: connection) == .applying)
        let other = try await desk.fature("rebalance plan")
        #expect(other.status == 4 && other.errors.contains("plan \(number) is applying"), "\(other.all)")
        for line in [
            "rebalance plan --threshold much", "rebalance plan --threshold 1001%", "rebalance plan --max-moves 0",
            "rebalance plan --drain nobody", "rebalance plan --weight gold", "rebalance ls --limit 0", "worker cordon nobody",
            "shard explain 256", "shard ls --worker nobody", "worker drain",
        ] { #expect(try await desk.fature(line).status == 64, "\(line)") }
    }

    @Test("a giant shard is named with the affiliates at which a cut would balance the cluster, read from PostgreSQL")
    func giant() async throws {
        let desk = try await desk(affiliates: 10)
        // Shard 0: a root with six branches of 5,000, each of which counts its downline.
        _ = try desk.connect().execute("UPDATE fature_v2.shard_sequence SET affiliates_count = 30001 WHERE shard_id = 0")
        _ = try desk.connect().execute(
            """
            INSERT INTO fature_v2.affiliates_optimized (
                affiliate_id, parent_affiliate_id, total_network_size, hierarchy_level, shard_id, external_id, name, hierarchy_path)
            SELECT n, CASE WHEN n > 1 THEN 1 END, CASE WHEN n > 1 THEN 4999 ELSE 30000 END, CASE WHEN n > 1 THEN 2 ELSE 1 END, 0, 'e' || n, 'n', '1'
            FROM generate_series(1, 7) AS n
            """)
        let document = try await desk.fature("rebalance plan --dry-run --json").json
        let obstacles = try #require(document["obstacles"] as? [[String: Any]])
        #expect(obstacles.count == 1 && obstacles[0]["shard"] as? Int == 0 && obstacles[0]["is_giant"] as? Bool == true)
        let cut = try #require(obstacles[0]["cut"] as? [String: Any])
        #expect(cut["balances"] as? Bool == true)
        let pieces = try #require(cut["pieces"] as? [[String: Any]])
        #expect(pieces.allSatisfy { $0["sponsor_id"] as? Int == 1 && $0["weight"] as? Int == 5_000 })
        let text = try await desk.fature("rebalance plan --explain")
        #expect(text.output.contains("moving cannot help shard 0 on w3"), "\(text.all)")
        #expect(text.output.contains("would balance the cluster"), "\(text.all)")

        let explained = try await desk.fature("shard explain 0 --json").json
        let heaviest = try #require(explained["heaviest"] as? [[String: Any]])
        #expect(heaviest.count == 7 && heaviest[0]["affiliate_id"] as? Int == 1 && heaviest[0]["affiliates"] as? Int == 30_001)
        #expect(explained["worker_id"] as? String == "w1" && explained["epoch"] as? Int == 1)
        let words = try await desk.fature("shard explain 1")
        #expect(
            words.status == 0 && words.output.hasPrefix("shard 1 is served by w2 (instance 2, open), epoch 1"), "\(words.all)")
        // One hand-off is cheaper than one for each of the small shards beside the giant.
        let moves = try #require(explained["moves"] as? [[String: Any]])
        #expect(moves.map { "\($0["from"] ?? "") \($0["to"] ?? "") \($0["state"] ?? "")" } == ["w1 w3 planned"])
        let shards = try #require(try await desk.fature("shard ls --worker w2 --json").json["shards"] as? [[String: Any]])
        #expect(shards.count == 128 && shards[0]["shard"] as? Int == 1 && shards[0]["worker_id"] as? String == "w2")
        #expect(try await desk.fature("shard ls").output.contains("30001"))
    }
}
