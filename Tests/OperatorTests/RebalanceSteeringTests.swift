import Core
import Foundation
import PostgresClient
import Store
import Testing

@Suite("fature rebalance apply, status, pause, resume and abort", .serialized)
struct RebalanceSteeringTests {
    /// Workers w1 to w3 with a lease; w1 and w2 own all shards in turn. Nobody coordinates, so nothing moves by itself.
    private func desk() async throws -> OperatorDesk {
        let desk = try await OperatorDesk.open()
        let connection = try desk.connect()
        for number in 1...3 {
            _ = try WorkerLeases.register(
                WorkerRegistration(name: "w\(number)", address: "w\(number):7000", capacity: 1, version: "1"),
                timeToLiveMilliseconds: 3_600_000, on: connection)
        }
        _ = try connection.execute("UPDATE fature_v2.shard SET owner = id % 2 + 1, epoch = 1")
        return desk
    }

    /// Ends all moves of a plan that is under way, as hand-offs and a coordinator would.
    private func end(_ plan: Int, _ desk: OperatorDesk, failing: Bool = false) throws {
        let connection = try desk.connect()
        let term = try #require(
            try CoordinatorLease.acquire(holder: "tests", timeToLiveMilliseconds: 0, on: connection))
        if failing {
            _ = try connection.execute(
                "UPDATE fature_v2.shard SET epoch = epoch + 1 WHERE id = (SELECT min(shard_id) FROM fature_v2.rebalance_move WHERE plan_id = \(plan))"
            )
        }
        _ = try connection.execute(
            """
            UPDATE fature_v2.shard s SET owner = m.to_instance, epoch = s.epoch + 1
            FROM fature_v2.rebalance_move m WHERE m.plan_id = $1 AND m.shard_id = s.id AND s.epoch = m.from_epoch
            """, [.int(Int64(plan))])
        while case .progressed = try RebalanceExecution.advance(term: term, p99Microseconds: nil, on: connection) {}
    }

    @Test("a change whose plan cannot be read afterwards is not told as one that was not made; a reason keeps its bounds")
    func unreadable() async throws {
        let desk = try await desk()
        let plan = try #require(try await desk.fature("rebalance plan --max-moves 3 --json").json["plan"] as? Int)
        _ = try desk.connect().execute("UPDATE fature_v2.rebalance_plan SET document = '{}' WHERE plan_id = \(plan)")
        let state = "SELECT state FROM fature_v2.rebalance_plan WHERE plan_id = \(plan)"
        let applied = try await desk.fature("rebalance apply \(plan)")
        #expect(applied.status == 69 && applied.errors.contains("was changed as asked for"), "\(applied.all)")
        #expect(try desk.texts(state) == ["applying"])
        for reason in ["two\nlines", String(repeating: "a", count: 1_001)] {
            for command in [["rebalance", "pause", "\(plan)"], ["worker", "cordon", "w1"]] {
                let refused = try await desk.fature(command + ["--reason", reason])
                #expect(refused.status == 64 && refused.errors.contains("`reason` is one line"), "\(refused.all)")
            }
        }
        #expect(try desk.texts(state) == ["applying"])
        let paused = try await desk.fature("rebalance pause \(plan)")
        #expect(paused.status == 69 && paused.errors.contains("was changed as asked for"), "\(paused.all)")
        #expect(try desk.texts(state) == ["paused"])
    }

    @Test("a plan is applied with its throttles, paused, gone on with and aborted; statuses say what is pending")
    func steered() async throws {
        let desk = try await desk()
        #expect(try await desk.fature("rebalance status").status == 1)
        #expect(try await desk.fature("rebalance pause").status == 1)
        let plan = try #require(try await desk.fature("rebalance plan --max-moves 3 --json").json["plan"] as? Int)
        let planned = try await desk.fature("rebalance status \(plan) --json")
        #expect(try planned.status == 2 && planned.json["state"] as? String == "planned", "\(planned.all)")
        #expect(try await desk.fature("rebalance pause \(plan)").status == 4)

        let applied = try await desk.fature(
            "rebalance apply \(plan) --moves-at-once 9 --per-source 8 --per-target 7 --lag 6 --hold 50 --max-p99 4 --json")
        #expect(applied.status == 2, "\(applied.all)")
        let document = try applied.json
        #expect(document["state"] as? String == "applying" && (document["state_by"] as? String)?.hasPrefix("cli:") == true)
        #expect(
            document["throttles"] as? [String: Int] == [
                "moves_at_once": 9, "moves_per_source": 8, "moves_per_target": 7, "lag_changes_max": 6,
                "hold_milliseconds_max": 50,
                "p99_microseconds_max": 4_000,
            ])
        #expect(
            document["counts"] as? [String: Int] == ["planned": 3, "moving": 0, "done": 0, "failed": 0, "skipped": 0])
        let again = try await desk.fature("rebalance apply \(plan) --moves-at-once 1")
        #expect(again.status == 2 && again.errors.contains("applying already") && again.output.contains("9 moves at once"))
        let other = try await desk.fature("rebalance plan")
        #expect(other.status == 4 && other.errors.contains("plan \(plan) is applying"), "\(other.all)")

        let paused = try await desk.fature(["rebalance", "pause", "--reason", "the peak"])
        #expect(paused.status == 0 && paused.output.contains("plan \(plan) is paused"), "\(paused.all)")
        #expect(paused.output.contains("the peak") && paused.output.contains("0 of 3 moves done, 3 to come"), "\(paused.all)")
        #expect(try await desk.fature("rebalance pause").status == 4)
        #expect(try await desk.fature("rebalance status").status == 2)
        #expect(try await desk.fature("rebalance resume --json").json["state"] as? String == "applying")
        #expect(try await desk.fature("rebalance resume").status == 4)
        #expect(try await desk.fature("rebalance abort \(plan)").status == 0)
        #expect(try await desk.fature("rebalance abort \(plan)").status == 4)
        let aborted = try await desk.fature("rebalance status")
        #expect(aborted.status == 3 && aborted.output.contains("3 left out"), "\(aborted.all)")
        let late = try await desk.fature("rebalance apply \(plan)")
        #expect(late.status == 4 && late.errors.contains("was aborted"), "\(late.all)")
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.shard_move") == ["0"])
        #expect(
            try desk.texts(
                "SELECT new_values ->> 'state' FROM fature_v2.audit_log WHERE table_name = 'rebalance_plan' ORDER BY audit_id")
                == ["planned", "applying", "paused", "applying", "aborted"])
    }

    @Test("a plan ends done with status 0 or partial with status 3, also for whoever waits")
    func ends() async throws {
        let desk = try await desk()
        let plan = try #require(try await desk.fature("rebalance plan --json").json["plan"] as? Int)
        #expect(try await desk.fature("rebalance apply \(plan)").status == 2)
        async let waiting = desk.fature("rebalance status --watch")
        try end(plan, desk)
        let done = try await waiting
        #expect(done.status == 0 && done.output.contains("plan \(plan) is done"), "\(done.all)")
        let empty = try await desk.fature("rebalance plan --json")
        let number = try #require(try empty.json["plan"] as? Int)
        #expect(try await desk.fature("rebalance apply \(number) --wait").status == 0)
        let again = try await desk.fature("rebalance apply \(plan)")
        #expect(again.status == 0 && again.errors.contains("done already"), "\(again.all)")

        let drain = try #require(try await desk.fature("rebalance plan --drain w3 --json").json["plan"] as? Int)
        #expect(try await desk.fature("rebalance apply \(drain)").status == 2)
        try end(drain, desk, failing: true)
        let partial = try await desk.fature("rebalance status \(drain)")
        #expect(partial.status == 3 && partial.output.contains("owner_changed"), "\(partial.all)")
    }

    @Test("a plan whose shards or targets are other ones by now is refused with status 4, and nothing is changed")
    func stale() async throws {
        let desk = try await desk()
        let plan = try #require(try await desk.fature("rebalance plan --json").json["plan"] as? Int)
        _ = try desk.connect().execute(
            "UPDATE fature_v2.shard SET epoch = 7 WHERE id IN (SELECT shard_id FROM fature_v2.rebalance_move LIMIT 1)")
        let shards = try desk.texts("SELECT id, owner, epoch FROM fature_v2.shard ORDER BY id")
        let refused = try await desk.fature("rebalance apply \(plan) --json")
        #expect(refused.status == 4 && refused.errors.contains("another owner or epoch"), "\(refused.all)")
        #expect(try refused.json["state"] as? String == "refused")
        #expect(try await desk.fature("rebalance apply \(plan)").status == 4)
        #expect(try await desk.fature("rebalance status \(plan)").status == 4)
        #expect(try await desk.fature("rebalance apply 99").status == 1)
        #expect(try desk.texts("SELECT id, owner, epoch FROM fature_v2.shard ORDER BY id") == shards)
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.shard_move") == ["0"])
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.worker_standing") == ["0"])
    }

    @Test("a worker is drained in one go: marked, planned, applied; a refusal moves nothing")
    func drain() async throws {
        let desk = try await desk()
        let dry = try await desk.fature("worker drain w2 --move --dry-run")
        #expect(dry.status == 0 && dry.output.contains("a plan that is not kept"), "\(dry.all)")
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.rebalance_plan") == ["0"])
        let moving = try await desk.fature(["worker", "drain", "w2", "--move", "--reason", "the machine goes", "--json"])
        let standing = try moving.json
        let plan = try #require(standing["plan"] as? [String: Any], "\(moving.all)")
        #expect(moving.status == 2 && plan["state"] as? String == "applying", "\(moving.all)")
        #expect(standing["worker_id"] as? String == "w2" && standing["standing"] as? String == "draining")
        #expect(standing["before"] as? String == "open" && standing["shards"] as? Int == 128)
        #expect(
            try desk.texts("SELECT name, standing, reason FROM fature_v2.worker_standing") == ["w2 draining the machine goes"])
        let busy = try await desk.fature("worker drain w1 --wait")
        #expect(busy.status == 4 && busy.errors.contains("is applying"), "\(busy.all)")
        try end(try #require(plan["plan"] as? Int), desk)
        let empty = try await desk.fature("worker drain w2 --wait")
        #expect(empty.status == 0 && empty.output == "w2 is draining already\n", "\(empty.all)")
        for flags in [[], ["--wait"], ["--move"], ["--move", "--dry-run"]] {
            let again = try await desk.fature(["worker", "drain", "w2", "--json"] + flags)
            #expect(try again.status == 0 && again.json["before"] as? String == "draining", "\(flags): \(again.all)")
            #expect(try (again.json["plan"] as? [String: Any] != nil) == !flags.isEmpty, "\(flags): \(again.all)")
        }
        #expect(try await desk.fature("worker cordon w1").status == 0)
        let nowhere = try await desk.fature("worker drain w3 --wait")
        #expect(nowhere.status == 4 && nowhere.errors.contains("no worker is open"), "\(nowhere.all)")
        #expect(try desk.texts("SELECT name FROM fature_v2.worker_standing ORDER BY name") == ["w1", "w2"])
    }

    @Test("senseless flags are refused with status 64, and without a cluster the status is 78")
    func refusals() async throws {
        let desk = try await desk()
        for line in [
            "rebalance apply", "rebalance apply x", "rebalance apply 1 --moves-at-once 0", "rebalance apply 1 --per-target 257",
            "rebalance apply 1 --hold 1001", "rebalance apply 1 --max-p99 0", "rebalance apply 1 --lag -1", "rebalance status x",
        ] { #expect(try await desk.fature(line).status == 64, "\(line)") }
        for line in [
            "rebalance plan", "rebalance apply 1", "rebalance status", "rebalance pause", "rebalance show 1", "rebalance ls",
            "worker drain w1",
        ] {
            let outcome = try await desk.fature(line.split(separator: " ").map(String.init), environment: [:])
            #expect(outcome.status == 78 && outcome.errors.contains("no cluster in"), "\(line): \(outcome.all)")
        }
    }
}
