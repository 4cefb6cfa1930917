import Core
import Foundation
import JobQueue
import RedisClient
import Testing

@Suite("fature queue, job and dlq", .serialized)
struct QueueCommandTests {
    @Test("ls and inspect show what waits, is in hand and delayed, and is dead")
    func looks() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...6)
        try desk.addJobs(1...4)
        try desk.bury(5...5)
        let queue = try desk.queue()
        let shard = OwnedShard(ShardID(7), Epoch(1))
        let taken = try queue.take([shard], TakeLimits(perShardMax: 2, jobsMax: 2))
        try desk.fail(try #require(taken.jobs.first), queue)
        let list = try await desk.fature("queue ls --json").list
        #expect(list.count == 1)
        let figures = ["waiting", "in_hand", "delayed", "dead", "unprocessed"].map { list[0][$0] as? Int }
        #expect(figures == [2, 1, 1, 1, 5])
        let table = try await desk.fature("queue ls")
        #expect(table.status == 0 && table.output.contains("commission        2        1        1     1"), "\(table.all)")

        let shards = try await desk.fature("queue inspect --json").list
        #expect(shards.count == 256)
        #expect(shards.compactMap { $0["waiting"] as? Int }.reduce(0, +) == 2)
        let seven = try #require(try await desk.fature("queue inspect --shard 7 --json").list.first)
        let jobs = try #require(seven["jobs"] as? [[String: Any]])
        #expect(
            Set(jobs.map { "\($0["id"] ?? "") \($0["state"] ?? "")" }) == ["1 delayed", "2 in_hand", "3 waiting", "4 waiting"])
        #expect(try await desk.fature("queue inspect --shard 7").output.contains("due in "))
    }

    @Test("a pause is kept in PostgreSQL and heard in Redis, for all shards or one, until it is ended")
    func pauses() async throws {
        let desk = try await OperatorDesk.open()
        let dry = try await desk.fature(["queue", "pause", "--shard", "7", "--reason", "a test", "--dry-run"])
        #expect(dry.status == 0 && dry.output.contains("would pause shard 7"), "\(dry.all)")
        #expect(try desk.queue().stats([ShardID(7)])[0].pause == nil)
        let paused = try await desk.fature(["queue", "pause", "--shard", "7", "--reason", "a test", "--json"])
        #expect(try paused.status == 0 && paused.json["changed"] as? Bool == true, "\(paused.all)")
        #expect(try desk.queue().stats([ShardID(7)])[0].pause != nil)
        #expect(try desk.queue().stats([ShardID(8)])[0].pause == nil)
        #expect(try await desk.fature(["queue", "pause", "--shard", "7", "--reason", "again"]).output.contains("paused already"))
        #expect(try await desk.fature(["queue", "pause", "--reason", "all of it"]).status == 0)
        #expect(try await desk.fature("queue ls").output.contains("all: all of it"))
        #expect(try await desk.fature("queue resume").status == 0)
        #expect(try desk.queue().stats([ShardID(7)])[0].pause != nil, "a shard's own pause stays")
        #expect(try desk.queue().stats([ShardID(8)])[0].pause == nil)
        let refused = try await desk.fature("queue resume")
        #expect(refused.status == 1 && refused.errors.contains("paused are shard 7"), "\(refused.all)")
        #expect(try await desk.fature("queue resume --shard 7").status == 0)
        #expect(try desk.queue().stats([ShardID(7)])[0].pause == nil)
        #expect(
            try desk.texts("SELECT operation, record_id FROM fature_v2.audit_log ORDER BY audit_id") == [
                "insert commission/7", "insert commission/-1", "delete commission/-1", "delete commission/7",
            ])
    }

    @Test("drain ends with status 0 when nothing is left, and with 1 when the time is over or the queue is paused")
    func drain() async throws {
        let desk = try await OperatorDesk.open()
        #expect(try await desk.fature("queue drain --timeout-seconds 0").status == 0)
        try desk.addJobs(1...1)
        let late = try await desk.fature("queue drain --timeout-seconds 0")
        #expect(
            late.status == 1 && late.errors.contains("1 waiting, 0 in hand, 0 delayed, 0 unprocessed in PostgreSQL"),
            "\(late.all)")
        _ = try await desk.fature(["queue", "pause", "--reason", "a test"])
        let paused = try await desk.fature("queue drain")
        #expect(paused.status == 1 && paused.errors.contains("is paused and not empty"), "\(paused.all)")
        _ = try await desk.fature("queue resume")
        #expect(try desk.queue().cancel(JobID(1), in: ShardID(7)) == .cancelled)
        #expect(try await desk.fature("queue drain --timeout-seconds 5").status == 0)
    }

    @Test("a job is shown, cancelled into the dead letters, and sent on its way again")
    func job() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...2)
        try desk.addJobs(1...1)
        let shown = try await desk.fature("job show 1 --json").json
        #expect(shown["transaction"] as? String == "accepted")
        #expect((shown["job"] as? [String: Any])?["state"] as? String == "waiting")

        #expect(try await desk.fature(["job", "cancel", "1", "--reason", "a test", "--dry-run"]).status == 0)
        #expect(try desk.stats().waiting == 1)
        let cancelled = try await desk.fature(["job", "cancel", "1", "--reason", "a test"])
        #expect(cancelled.status == 0, "\(cancelled.all)")
        #expect(try desk.stats().waiting == 0)
        #expect(try desk.texts("SELECT transaction_id FROM fature_v2.transactions WHERE commission_dead") == ["1"])
        let again = try await desk.fature(["job", "cancel", "1", "--reason", "a test"])
        #expect(again.status == 1 && again.errors.contains("is dead letter 1 already"), "\(again.all)")
        let dead = try await desk.fature("job show 1")
        #expect(dead.output.contains("transaction 1 is dead") && dead.output.contains("cancelled by cli:"), "\(dead.all)")

        let replayed = try await desk.fature("job retry 1 --json")
        #expect(try replayed.json["outcome"] as? String == "replayed", "\(replayed.all)")
        #expect(try desk.stats().waiting == 1)
        #expect(try desk.texts("SELECT transaction_id FROM fature_v2.transactions WHERE commission_dead").isEmpty)
        #expect(try await desk.fature("job retry 1").output.contains("waits already"))
        #expect(try await desk.fature("job retry 2 --json").json["outcome"] as? String == "retried", "Redis had lost this one")
        #expect(try desk.stats().waiting == 2)
        let actions = try desk.texts(
            "SELECT record_id, new_values ->> 'action' FROM fature_v2.audit_log WHERE table_name = 'job'")
        #expect(actions == ["commission/1 cancelled", "commission/2 retried"])
    }

    @Test("a delayed job that is retried waits at once, with its failures forgiven")
    func delayed() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...1)
        try desk.addJobs(1...1)
        let queue = try desk.queue()
        let taken = try queue.take([OwnedShard(ShardID(7), Epoch(1))], TakeLimits(perShardMax: 1, jobsMax: 1))
        let inHand = try await desk.fature(["job", "cancel", "1", "--reason", "a test"])
        #expect(inHand.status == 1 && inHand.errors.contains("is in hand at "), "\(inHand.all)")
        try desk.fail(try #require(taken.jobs.first), queue)
        #expect(try await desk.fature("job show 1").output.contains("last error: boom"))
        #expect(try await desk.fature("job retry 1").status == 0)
        let stats = try desk.stats()
        #expect(stats.waiting == 1 && stats.delayed == 0 && stats.known == 0)
        let job = try #require(try desk.queue().find(JobID(1), in: ShardID(7))?.job)
        #expect(job.failures == 0 && Array(job.payload) == Array("1700000000000000".utf8))
    }

    @Test("jobs nobody knows and those whose transaction is processed are refused with status 1")
    func noJob() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...1)
        _ = try desk.connect().execute("UPDATE fature_v2.transactions SET commission_processed = true")
        for command in [["job", "show", "77"], ["job", "retry", "77"], ["job", "cancel", "77", "--reason", "x"]] {
            let outcome = try await desk.fature(command)
            #expect(
                outcome.status == 1 && outcome.errors == "fature: there is no transaction 77 in the queue commission\n",
                "\(outcome.all)")
        }
        #expect(try await desk.fature("job retry 1").errors.contains("transaction 1 is processed already"))
        #expect(try await desk.fature(["job", "cancel", "1", "--reason", "x"]).status == 1)
        #expect(try await desk.fature("job show 1").output.contains("transaction 1 is processed"))
    }

    @Test("dead letters are grouped, listed page by page, shown, replayed at a rate, and discarded")
    func letters() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...30)
        try desk.bury(1...25)
        try desk.bury(26...28, cause: "crashed")
        let groups = try await desk.fature("dlq ls --group-by cause --json").list
        #expect(groups.map { "\($0["cause"] ?? "") \($0["count"] ?? "")" } == ["no_plan 25", "crashed 3"])
        let page = try await desk.fature("dlq ls --cause no_plan --limit 20")
        #expect(page.output.contains("(perhaps more: --after 20)"), "\(page.all)")
        #expect(try await desk.fature("dlq ls --cause no_plan --limit 20 --after 20 --json").list.count == 5)
        let third = try desk.texts("SELECT dead_letter_id FROM fature_v2.dead_letter WHERE job_id = '3'")[0]
        let letter = try await desk.fature("dlq show \(third) --json").json
        #expect(letter["job_id"] as? String == "3" && letter["payload"] as? String == "1700000000000000")
        #expect(try await desk.fature("dlq show 99").status == 1)

        let rehearsal = try await desk.fature("dlq replay --cause no_plan --limit 10 --dry-run --json").json
        #expect(rehearsal["count"] as? Int == 10 && rehearsal["dry_run"] as? Bool == true)
        let start = ContinuousClock.now
        let replayed = try await desk.fature("dlq replay --cause no_plan --limit 20 --rate 40 --json")
        #expect(try replayed.status == 0 && replayed.json["count"] as? Int == 20, "\(replayed.all)")
        // 20 at 40 a second, in parts of 4: the last part begins 0.4 s after the first.
        #expect(ContinuousClock.now - start >= .milliseconds(400))
        #expect(try desk.stats().waiting == 20)
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.transactions WHERE commission_dead") == ["8"])

        #expect(try await desk.fature(["dlq", "discard", "--reason", "x"]).status == 64)
        let discarded = try await desk.fature(["dlq", "discard", "--cause", "crashed", "--reason", "a test", "--json"])
        #expect(try discarded.json["count"] as? Int == 3, "\(discarded.all)")
        #expect(try await desk.fature(["dlq", "discard", "26", "--reason", "a test"]).status == 1, "it is decided about already")
        #expect(try await desk.fature("dlq ls --json").list.count == 5)
        #expect(try await desk.fature("dlq ls --all --json").list.count == 28)
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.audit_log WHERE table_name = 'dead_letter'") == ["23"])
    }

    @Test("a job that dies again while its letter is replayed is not replayed again, nor given up")
    func returns() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...12)
        try desk.bury(1...12)
        // Every job dies again at once.
        try desk.connect().executeScript(
            """
            CREATE FUNCTION fature_v2.die_again() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO fature_v2.dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
                VALUES (NEW.queue, NEW.job_id, NEW.shard_id, NEW.payload, NEW.cause, NEW.error, 1, 0, NEW.enqueued_at);
                RETURN NULL;
            END $$;
            CREATE TRIGGER die_again AFTER UPDATE ON fature_v2.dead_letter FOR EACH ROW EXECUTE FUNCTION fature_v2.die_again();
            """)
        let replayed = try await desk.fature("dlq replay --limit 50 --rate 40 --json")
        #expect(try replayed.status == 0 && replayed.json["count"] as? Int == 12, "\(replayed.all)")
        let discarded = try await desk.fature([
            "dlq", "discard", "--cause", "no_plan", "--limit", "50000", "--reason", "a test", "--json",
        ])
        #expect(try discarded.status == 0 && discarded.json["count"] as? Int == 12, "\(discarded.all)")
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.dead_letter WHERE state = 'dead'") == ["12"])
    }

    @Test("a letter that Redis keeps too is taken out of it when it is decided about")
    func redisLetters() async throws {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...2)
        try desk.addJobs(1...2)
        let queue = try desk.queue()
        let taken = try queue.take([OwnedShard(ShardID(7), Epoch(1))], TakeLimits(perShardMax: 2, jobsMax: 2))
        _ = try queue.bury(
            taken.jobs.compactMap { job in
                job.entry.map { DeadLetter(job, entry: $0, cause: .handlerThrew, error: "boom", failures: 9) }
            })
        try desk.bury(1...2, cause: "handler_threw")
        #expect(try desk.stats().dead == 2)
        #expect(try await desk.fature("dlq replay 1").status == 0)
        #expect(try desk.stats().dead == 1)
        #expect(try await desk.fature(["dlq", "discard", "2", "--reason", "a test"]).status == 0)
        #expect(try desk.stats().dead == 0)
    }

    @Test("an unknown queue, a missing Redis or PostgreSQL and a bad flag are one line and their own exit status")
    func refusals() async throws {
        let desk = try await OperatorDesk.open()
        for line in [
            "queue inspect --queue mail", "queue inspect --shard 256", "queue pause", "dlq ls --limit 0",
            "dlq ls --group-by colour",
            "job show", "dlq replay --rate 0", "queue drain --timeout-seconds -1",
        ] {
            #expect(try await desk.fature(line).status == 64, "\(line)")
        }
        let away = ["DATABASE_URL": desk.database.url, "REDIS_URL": "redis://:x@127.0.0.1:1/0"]
        for line in ["queue ls", "queue inspect", "queue drain", "job show 1"] {
            let outcome = try await desk.fature(line.split(separator: " ").map(String.init), environment: away)
            #expect(outcome.status == 69 && outcome.errors.split(separator: "\n").count == 1, "\(line): \(outcome.all)")
            #expect(!outcome.errors.contains(":x@"))
        }
        let wrong = away.merging(["REDIS_URL": desk.redis.url.replacing(desk.redis.password, with: "wrong")]) { $1 }
        #expect(try await desk.fature(["queue", "ls"], environment: wrong).status == 77)
        let pause = try await desk.fature(["queue", "pause", "--reason", "Redis is away"], environment: away)
        #expect(pause.status == 0 && pause.errors.hasPrefix("warning: "), "\(pause.all)")
        #expect(try desk.texts("SELECT reason FROM fature_v2.queue_pause") == ["Redis is away"])
        let none = try await desk.fature(["queue", "ls"], environment: ["DATABASE_URL": desk.database.url])
        #expect(none.status == 3 && none.errors.contains("REDIS_URL"), "\(none.all)")
        let database = try await desk.fature(
            ["dlq", "ls"], environment: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": desk.redis.url])
        #expect(database.status == 69 && database.errors.split(separator: "\n").count == 1, "\(database.all)")
        #expect(
            try await desk.fature(["dlq", "ls"], environment: ["DATABASE_URL": desk.database.url]).status == 0,
            "no Redis is needed")
    }
}
