import Core
import PostgresClient
import Store
import Testing

@Suite struct TransactionIntakeTests {
    @Test("a group is committed with its numbers, its upline and the server's time")
    func accepted() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, outcomes) = try connection.commit([
            LedgerFixture.transaction("a", amount: "0.01", inactive: [2]),
            LedgerFixture.transaction(
                "b", amount: "9999999999999.99", type: .bet, winnings: "12345678.90", upline: [], isEligible: false),
        ])
        guard case .accepted(let acceptedAt) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(outcomes == [.accepted(acceptedAtMicroseconds: acceptedAt), .accepted(acceptedAtMicroseconds: acceptedAt)])
        #expect(group[1].id == group[0].id + 1)
        #expect(
            try connection.rows(
                """
                SELECT transaction_id, external_transaction_id, affiliate_id, transaction_type, amount, winnings, shard_id, upline,
                    upline_inactive, commission_eligible, commission_processed, accepted_at = transaction_date
                FROM fature_v2.transactions ORDER BY 1
                """) == [
                    "\(group[0].id) a 900 deposit 0.01 0.00 0 {5,4,3} {2} - f t",
                    "\(group[1].id) b 900 bet 9999999999999.99 12345678.90 0 {} - f f t",
                ])
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions_default") == 0)
    }

    @Test("the same external id with the same facts is answered as the first time, with others it is a conflict")
    func repeated() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (first, outcomes) = try connection.commit([LedgerFixture.transaction("a"), LedgerFixture.transaction("b")])
        guard case .accepted(let at) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        let again = try connection.commit([
            LedgerFixture.transaction("a", upline: [7]), LedgerFixture.transaction("c"),
            LedgerFixture.transaction("b", amount: "100.01"), LedgerFixture.transaction("a", of: 901),
            LedgerFixture.transaction("a", type: .bet), LedgerFixture.transaction("a", date: at),
            LedgerFixture.transaction("a", date: at + 1), LedgerFixture.transaction("a", isEligible: true),
            LedgerFixture.transaction("c"), LedgerFixture.transaction("c", amount: "5"),
        ])
        let repeated = IntakeOutcome.repeated(id: first[0].id, acceptedAtMicroseconds: at)
        let conflict = IntakeOutcome.conflict(id: first[0].id)
        guard case .accepted(let later) = again.outcomes[1] else {
            Issue.record("\(again.outcomes)")
            return
        }
        // The last two are told twice in one group: whichever of the equal ones was written counts as the first.
        let writtenID = try connection.number(
            "SELECT transaction_id FROM fature_v2.transactions WHERE external_transaction_id = 'c'")
        #expect(again.group.contains { $0.id == writtenID })
        #expect(
            again.outcomes == [
                repeated, .accepted(acceptedAtMicroseconds: later), .conflict(id: first[1].id), conflict, conflict, repeated,
                conflict,
                conflict, .repeated(id: writtenID, acceptedAtMicroseconds: later), .conflict(id: writtenID),
            ])
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions") == 3)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transaction_key") == 3)
    }

    @Test("external ids that look alike and differ in their bytes are two transactions, in one group too")
    func bytes() async throws {
        let connection = try await StoreDatabase.create().connect()
        let composed = "caf\u{e9}"
        let decomposed = "cafe\u{301}"
        let (known, _) = try connection.commit([LedgerFixture.transaction(composed), LedgerFixture.transaction("known")])
        // A known id has the group asked about, in which the two must not be taken for each other.
        let again = try connection.commit([
            LedgerFixture.transaction("known"), LedgerFixture.transaction(decomposed, amount: "7"),
            LedgerFixture.transaction(composed),
        ])
        guard case .repeated = again.outcomes[0], case .accepted = again.outcomes[1],
            case .repeated(let first, _) = again.outcomes[2]
        else {
            Issue.record("\(again.outcomes)")
            return
        }
        #expect(first == known[0].id)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions WHERE amount = 7") == 1)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transaction_key") == 3)
    }

    @Test("what may not be accepted any more is answered as the first time if there was one, and otherwise refused")
    func refusedUnlessKnown() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (first, _) = try connection.commit([LedgerFixture.transaction("known")])
        func refused(_ externalID: String, amount: String = "100.00") throws -> NewTransaction {
            var transaction = try LedgerFixture.transaction(externalID, amount: amount)
            transaction.refusalIfNew = .inactiveAffiliate
            return transaction
        }
        let (group, outcomes) = try connection.commit([
            refused("known"), LedgerFixture.transaction("beside"), refused("known", amount: "100.01"), refused("unknown"),
            refused("beside"),
        ])
        guard case .repeated(first[0].id, _) = outcomes[0], case .accepted = outcomes[1],
            outcomes[2] == .conflict(id: first[0].id),
            outcomes[3] == .refused(.inactiveAffiliate), case .repeated(group[1].id, _) = outcomes[4]
        else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(
            try connection.rows("SELECT external_transaction_id FROM fature_v2.transaction_key ORDER BY 1") == [
                "beside", "known",
            ])
        #expect(try connection.rows("SELECT count(*) FROM fature_v2.transactions") == ["2"])
    }

    @Test("a shard at another epoch is fenced and the others of the group are committed")
    func fenced() async throws {
        let connection = try await StoreDatabase.create().connect()
        _ = try connection.execute("UPDATE fature_v2.shard SET epoch = 2 WHERE id = 1")
        _ = try connection.execute("UPDATE fature_v2.shard SET owner = 9 WHERE id = 2")
        let (_, outcomes) = try connection.commit([
            LedgerFixture.transaction("a", shard: 1), LedgerFixture.transaction("b"), LedgerFixture.transaction("c", shard: 2),
        ])
        #expect(outcomes[0] == .fenced && outcomes[2] == .fenced && outcomes[1] != .fenced)
        #expect(try connection.texts("SELECT external_transaction_id FROM fature_v2.transactions") == ["b"])
        #expect(try connection.texts("SELECT external_transaction_id FROM fature_v2.transaction_key") == ["b"])
    }

    @Test("a group whose commit was in doubt is told apart: committed before, or now, and never twice")
    func retry() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, first) = try connection.commit([LedgerFixture.transaction("a"), LedgerFixture.transaction("b")])
        #expect(try TransactionIntake.commit(group, fence: LedgerFixture.fence(), isRetry: true, on: connection) == first)
        let fresh = [try LedgerFixture.transaction("x", id: 77), try LedgerFixture.transaction("y", id: 78)]
        let outcomes = try TransactionIntake.commit(fresh, fence: LedgerFixture.fence(), isRetry: true, on: connection)
        #expect(outcomes.allSatisfy { if case .accepted = $0 { true } else { false } })
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions") == 4)
    }

    @Test("workers that commit the same external ids at once write each once and do not wait for each other for ever")
    func race() async throws {
        let store = try await StoreDatabase.create()
        let pool = try store.pool(connections: 4)
        let outcomes = try await withThrowingTaskGroup(of: [IntakeOutcome].self) { tasks in
            for lane in 0..<4 {
                tasks.addTask {
                    try await pool.withConnection { connection in
                        var all: [IntakeOutcome] = []
                        for round in 0..<10 {
                            var names = (0..<50).map { "r\(round)-\($0)" }
                            if lane % 2 == 1 { names.reverse() }
                            all += try connection.commit(names.map { try LedgerFixture.transaction($0) }).outcomes
                        }
                        return all
                    }
                }
            }
            return try await tasks.reduce(into: []) { $0 += $1 }
        }
        let accepted = outcomes.count { if case .accepted = $0 { true } else { false } }
        let repeated = outcomes.count { if case .repeated = $0 { true } else { false } }
        #expect(accepted == 500)
        #expect(repeated == 1500)
        let connection = try store.connect()
        #expect(try connection.number("SELECT count(DISTINCT external_transaction_id) FROM fature_v2.transactions") == 500)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions") == 500)
    }

    @Test("rows of other programs are adopted with the upline of that moment, and unpayable ones become dead letters")
    func adoption() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(1)
        try connection.join(2, under: 1)
        try connection.join(3, under: 2)
        try connection.join(4, under: 3)
        _ = try connection.setStatus(2, .suspended)
        try connection.commit([LedgerFixture.transaction("ours", of: 4, upline: [3, 2, 1], inactive: [2])])
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.transactions (affiliate_id, transaction_type, amount, currency, external_transaction_id) VALUES
                (4, 'deposit', 10, 'BRL', 'theirs'), (1, 'bet', 10, 'BRL', 'of a root'), (99, 'bet', 10, 'BRL', 'nobody'),
                (4, 'bet', 10, 'USD', 'dollars'), (4, 'bet', 10, 'BRL', 'ours'), (3, 'bet', 10, 'BRL', 'twice'), (3, 'bet', 11, 'BRL', 'twice')
            """)
        let (adopted, refused) = try TransactionSweep.adopt(on: connection)
        #expect(adopted == 3 && refused == 4)
        #expect(
            try connection.rows(
                """
                SELECT external_transaction_id, shard_id, upline, upline_inactive FROM fature_v2.transactions
                WHERE NOT commission_dead AND external_transaction_id <> 'ours' ORDER BY transaction_id
                """) == ["theirs 0 {3,2,1} {2}", "of a root 0 {} -", "twice 0 {2,1} {1}"])
        #expect(
            try connection.texts("SELECT cause FROM fature_v2.dead_letter ORDER BY dead_letter_id").sorted() == [
                "duplicate_external_id", "duplicate_external_id", "unknown_affiliate", "wrong_currency",
            ])
        #expect(try connection.ordersWaiting().count == 4)
        #expect(try TransactionSweep.adopt(on: connection) == (0, 0))
        // A number that may be a worker's is not one to pay under.
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.transactions (transaction_id, affiliate_id, transaction_type, amount, external_transaction_id)
            VALUES (1001, 4, 'bet', 10, 'chosen'), (9000000, 4, 'bet', 10, 'ahead')
            """)
        #expect(try TransactionSweep.adopt(on: connection) == (0, 2))
        #expect(try connection.number("SELECT count(*) FROM fature_v2.dead_letter WHERE cause = 'number_not_drawn'") == 2)
    }
}
