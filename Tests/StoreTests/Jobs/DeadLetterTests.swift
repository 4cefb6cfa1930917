import Core
import PostgresClient
import Store
import Testing

@Suite struct DeadLetterTests {
    private func letter(_ job: String, queue: String = "commission", cause: String = "poison", error: String = "boom")
        -> DeadLetterRow
    {
        DeadLetterRow(
            queue: queue, jobID: job, shard: ShardID(7), payload: [0, 255, 16], cause: cause, error: error, failures: 3,
            crashes: 1,
            enqueuedAtMicroseconds: 1_700_000_000_123_456)
    }

    /// Transactions 1 to `count`, unprocessed.
    private func connect(transactions count: Int) async throws -> PostgresConnection {
        let connection = try await StoreDatabase.create().connect()
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.transactions (transaction_id, affiliate_id, transaction_type, amount, external_transaction_id, shard_id, upline)
            SELECT n, 1, 'deposit', 10, 'e' || n, 7, '{}' FROM generate_series(1, $1) AS n
            """, [.int(Int64(count))])
        return connection
    }

    private func dead(_ connection: PostgresConnection) throws -> [String] {
        try connection.texts("SELECT transaction_id FROM fature_v2.transactions WHERE commission_dead ORDER BY 1")
    }

    @Test("a dead commission job marks its transaction, once however often it is recorded, and keeps every byte")
    func record() async throws {
        let connection = try await connect(transactions: 3)
        let letters = [letter("2", error: "bo\0om"), letter("1")]
        #expect(try DeadLetters.record(letters, on: connection) == 2)
        #expect(try DeadLetters.record(letters + [letter("1", cause: "other"), letter("1")], on: connection) == 0)
        #expect(try dead(connection) == ["1", "2"])
        let stored = try DeadLetters.list(DeadLetterSelection(), limit: 10, on: connection)
        #expect(stored.map(\.letter) == [letter("1"), letter("2", error: "boom")])
        #expect(stored.allSatisfy { $0.state == .dead && $0.decision == nil })
    }

    @Test("a job whose transaction is processed is no dead letter, one that names none is")
    func leftOut() async throws {
        let connection = try await connect(transactions: 2)
        _ = try connection.execute("UPDATE fature_v2.transactions SET commission_processed = true WHERE transaction_id = 1")
        let letters = [letter("1"), letter("2"), letter("99"), letter("none"), letter("none", queue: "report")]
        #expect(try DeadLetters.record(letters, on: connection) == 4)
        #expect(try dead(connection) == ["2"])
        #expect(try DeadLetters.openCounts(on: connection) == ["commission": 3, "report": 1])
    }

    @Test("what a caller's transaction rolls back is no dead letter, and marks nothing")
    func rollback() async throws {
        struct Stale: Error {}
        let connection = try await connect(transactions: 1)
        #expect(throws: Stale.self) {
            try connection.transaction {
                #expect(try DeadLetters.record([letter("1")], on: connection) == 1)
                throw Stale()
            }
        }
        #expect(try DeadLetters.openCounts(on: connection).isEmpty)
        #expect(try dead(connection).isEmpty)
    }

    @Test("groups name the queue, the cause, how many, and what the newest says; pages go on behind the last one seen")
    func groups() async throws {
        let connection = try await connect(transactions: 5)
        try DeadLetters.record((1...3).map { letter(String($0), error: "error \($0)") }, on: connection)
        try DeadLetters.record([letter("4", cause: "timed-out"), letter("x", queue: "report")], on: connection)
        let groups = try DeadLetters.groups(DeadLetterSelection(), on: connection)
        #expect(
            groups.map { "\($0.queue) \($0.cause) \($0.count)" } == [
                "commission poison 3", "commission timed-out 1", "report poison 1",
            ])
        #expect(groups.first?.newestError == "error 3")
        let commission = DeadLetterSelection(queue: "commission")
        let first = try DeadLetters.list(commission, limit: 3, on: connection)
        let second = try DeadLetters.list(commission, after: try #require(first.last).id, limit: 3, on: connection)
        #expect((first + second).map(\.letter.jobID) == ["1", "2", "3", "4"])
    }

    @Test(
        "a replayed letter frees its transaction, a discarded one does not; each leaves who, why and an audit row, and is decided once"
    )
    func decisions() async throws {
        let connection = try await connect(transactions: 3)
        try DeadLetters.record([letter("1"), letter("2"), letter("3", cause: "timed-out")], on: connection)
        let poison = DeadLetterSelection(queue: "commission", cause: "poison")
        let replayed = try DeadLetters.replay(poison, limit: 1, reason: "mended", origin: StoreDatabase.origin, on: connection)
        #expect(replayed.map(\.letter.jobID) == ["1"])
        #expect(replayed.first?.state == .replayed && replayed.first?.decision?.actor == "tests")
        #expect(try dead(connection) == ["2", "3"])
        let discarded = try DeadLetters.discard(poison, limit: 10, reason: "a test", origin: StoreDatabase.origin, on: connection)
        #expect(discarded.map(\.letter.jobID) == ["2"] && discarded.first?.decision?.reason == "a test")
        #expect(try dead(connection) == ["2", "3"])
        #expect(try DeadLetters.replay(poison, limit: 10, reason: nil, origin: StoreDatabase.origin, on: connection).isEmpty)
        let audit = try connection.texts(
            """
            SELECT concat_ws(' ', table_name, old_values ->> 'state', new_values ->> 'state', new_values ->> 'job_id', actor, request_id)
            FROM fature_v2.audit_log ORDER BY audit_id
            """)
        #expect(audit == ["dead_letter dead replayed 1 tests request-1", "dead_letter dead discarded 2 tests request-1"])
        #expect(try DeadLetters.record([letter("1")], on: connection) == 1, "a replayed job may die again")
        #expect(try DeadLetters.ofJob("1", queue: "commission", on: connection).map(\.state) == [.replayed, .dead])
    }

    @Test("a transaction that was processed meanwhile stays as it is when its letter is replayed")
    func replayProcessed() async throws {
        let connection = try await connect(transactions: 1)
        try DeadLetters.record([letter("1")], on: connection)
        _ = try connection.execute("UPDATE fature_v2.transactions SET commission_processed = true")
        #expect(
            try DeadLetters.replay(DeadLetterSelection(), limit: 1, reason: nil, origin: StoreDatabase.origin, on: connection)
                .count == 1)
        #expect(try dead(connection) == ["1"])
    }

    @Test("a pause holds for a queue or one shard of it, is set and ended once, and is audited")
    func pauses() async throws {
        let connection = try await StoreDatabase.create().connect()
        let origin = StoreDatabase.origin
        #expect(try QueuePauses.pause("commission", shard: ShardID(3), reason: "a", origin: origin, on: connection))
        #expect(try !QueuePauses.pause("commission", shard: ShardID(3), reason: "b", origin: origin, on: connection))
        var paused = try QueuePauses.paused("commission", on: connection)
        #expect(paused == PausedShards(shards: [ShardID(3)]))
        #expect(paused.contains(ShardID(3)) && !paused.contains(ShardID(4)))
        #expect(try QueuePauses.pause("commission", shard: nil, reason: "c", origin: origin, on: connection))
        paused = try QueuePauses.paused("commission", on: connection)
        #expect(paused.contains(ShardID(4)))
        #expect(try QueuePauses.paused("report", on: connection) == PausedShards())
        #expect(try QueuePauses.all(on: connection).map(\.reason) == ["c", "a"])
        #expect(try QueuePauses.resume("commission", shard: nil, origin: origin, on: connection))
        #expect(try !QueuePauses.resume("commission", shard: nil, origin: origin, on: connection))
        #expect(try QueuePauses.paused("commission", on: connection) == PausedShards(shards: [ShardID(3)]))
        let audit = try connection.texts("SELECT operation || ' ' || record_id FROM fature_v2.audit_log ORDER BY audit_id")
        #expect(audit == ["insert commission/3", "insert commission/-1", "delete commission/-1"])
    }
}
