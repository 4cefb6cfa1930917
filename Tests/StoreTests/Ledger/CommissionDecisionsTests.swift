import Core
import PostgresClient
import Store
import TestServers
import Testing

private let origin = ChangeOrigin(actor: "operator", requestID: "r-1")

private func decision(_ status: CommissionStatus, _ reason: String = "a test") -> CommissionDecisions.Decision {
    .init(status: status, reason: reason, origin: origin)
}

/// One paid deposit of 100.00: 5.00 for 5, 3.00 for 4, 2.00 for 3.
private func paidDeposit(_ connection: PostgresConnection) throws -> Int64 {
    let (group, _) = try connection.commit([LedgerFixture.transaction("d")])
    try connection.pay(try connection.ordersWaiting())
    return group[0].id
}

@Suite struct CommissionDecisionsTests {
    @Test(
        "after random reversals and decisions every entry, every total and every decision is what the model says",
        arguments: [1, 2, 3] as [UInt64])
    func model(seed: UInt64) async throws {
        let connection = try await StoreDatabase.create().connect()
        var ledger = RandomLedger(seed: seed, on: connection)
        try ledger.makePlans(3, capsMonths: false)
        try ledger.transact(200)
        var model = try LedgerModel(connection)
        var generator = SeededGenerator(seed: seed &+ 100)
        var outcomes: [CommissionDecisions.Outcome: Int] = [:]
        let moments = model.entries.values.map(\.createdAt).sorted()
        for _ in 0..<150 {
            // Reversals of the model have the database's time: they are read back.
            let status = CommissionStatus.allCases.randomElement(using: &generator) ?? .approved
            let ids = Array(model.entries.keys).sorted { ($0.transaction, $0.ordinal) < ($1.transaction, $1.ordinal) }
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<3:
                let transaction = ids.randomElement(using: &generator)?.transaction ?? 0
                let done = try #require(
                    try TransactionReversal.perform(transaction, reason: "a test", origin: origin, on: connection))
                let (count, sum) = model.reverse(transaction, at: done.reversedAt)
                #expect(done.entriesCount == count && done.amount == Money(minorUnits: sum).description && done.wasPaid)
            case 3..<8:
                var chosen = (0..<Int.random(in: 1...30, using: &generator)).compactMap { _ in
                    ids.randomElement(using: &generator)
                }
                if Bool.random(using: &generator) { chosen.append(CommissionID(transaction: 1, ordinal: 1)) }
                let results = try CommissionDecisions.decide(decision(status), about: chosen, on: connection)
                #expect(Set(results.map(\.id)) == Set(chosen) && results.count == Set(chosen).count)
                for result in results {
                    #expect(result.previous == model.entries[result.id]?.status)
                    #expect(result.outcome == model.decide(result.id, status))
                    #expect((result.operation != nil) == (result.outcome == .changed))
                    outcomes[result.outcome, default: 0] += 1
                }
            default:
                let filter = CommissionDecisions.Filter(
                    beneficiary: Bool.random(using: &generator)
                        ? AffiliateID(Int64.random(in: RandomLedger.affiliates, using: &generator)) : nil,
                    status: Bool.random(using: &generator) ? CommissionStatus.allCases.randomElement(using: &generator) : nil,
                    from: Bool.random(using: &generator) ? moments.randomElement(using: &generator) : nil,
                    to: Bool.random(using: &generator) ? moments.randomElement(using: &generator) : nil)
                try decide(status, filter, &model, piece: Int.random(in: 1...200, using: &generator), on: connection)
            }
        }
        for outcome in [CommissionDecisions.Outcome.changed, .unchanged, .illegal, .reversed, .unknown] {
            #expect(outcomes[outcome] ?? 0 > 0, "\(outcome) is met")
        }
        // The moments of mirrors are their own.
        let stored = try LedgerModel.read(connection)
        #expect(stored.mapValues(\.status) == model.entries.mapValues(\.status))
        #expect(stored.mapValues(\.amount) == model.entries.mapValues(\.amount))
        #expect(try LedgerModel.totals(connection) == model.totals)
        try checkDecisions(model, on: connection)
        #expect(LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()) == [])
    }

    private func decide(
        _ status: CommissionStatus, _ filter: CommissionDecisions.Filter, _ model: inout LedgerModel, piece: Int,
        on connection: PostgresConnection
    ) throws {
        var counts: [Int64] = [0, 0, 0]
        for id in model.matching(filter) {
            switch model.decide(id, status) {
            case .changed: counts[0] += 1
            case .unchanged: counts[1] += 1
            default: counts[2] += 1
            }
        }
        var found: [Int64] = [0, 0, 0]
        var position: CommissionDecisions.Position?
        var pieces = 0
        repeat {
            let done = try CommissionDecisions.decideNext(
                decision(status), where: filter, after: position, pieceMax: piece, on: connection)
            for (at, count) in [done.changed, done.unchanged, done.refused].enumerated() { found[at] += count }
            #expect((done.operation != nil) == (done.changed > 0))
            position = done.next
            pieces += 1
        } while position != nil && pieces < 10_000
        #expect(found == counts, "\(filter) to \(status)")
    }

    /// What is written about decisions adds up to what was changed, and leads each entry from pending to where it is.
    private func checkDecisions(_ model: LedgerModel, on connection: PostgresConnection) throws {
        for (status, sums) in model.changes {
            #expect(
                try connection.rows(
                    "SELECT sum(entries_count), (sum(amount) * 100)::bigint FROM fature_v2.commission_operation WHERE to_status = '\(status.name)'"
                ) == ["\(sums.count) \(sums.earned)"])
        }
        #expect(
            try connection.number(
                "SELECT count(*) FROM fature_v2.commission_operation WHERE (actor, reason, request_id) <> ('operator', 'a test', 'r-1')"
            )
                == 0)
        #expect(
            try connection.number(
                """
                SELECT count(*) FROM (
                    SELECT s.*, coalesce(lag(s.to_status) OVER w, 'pending') AS before,
                        CASE WHEN lead(s.to_status) OVER w IS NULL THEN c.status ELSE s.to_status END AS now, c.operation_id AS last_operation,
                        lead(s.operation_id) OVER w IS NULL AS is_last
                    FROM fature_v2.commission_status_change s JOIN fature_v2.commissions c USING (transaction_id, ordinal)
                    WINDOW w AS (PARTITION BY s.transaction_id, s.ordinal ORDER BY s.operation_id)
                ) AS x WHERE from_status <> before OR to_status <> now OR (is_last AND last_operation <> operation_id)
                """) == 0)
        #expect(
            try connection.number(
                """
                SELECT count(*) FROM fature_v2.commission_operation o
                WHERE entries_count <> (SELECT count(*) FROM fature_v2.commission_status_change s WHERE s.operation_id = o.operation_id)
                """) == 0)
    }

    @Test("plain SQL is refused an illegal transition, a change of anything else, and a deletion; a legal one is let through")
    func trigger() async throws {
        let connection = try await StoreDatabase.create().connect()
        let id = try paidDeposit(connection)
        func update(_ set: String) throws {
            _ = try connection.execute("UPDATE fature_v2.commissions SET \(set) WHERE transaction_id = \(id) AND ordinal = 1")
        }
        func isRefused(_ set: String) {
            #expect(throws: PostgresError.self, "\(set)") { try update(set) }
        }
        let legal: [CommissionStatus: Set<CommissionStatus>] = [
            .pending: [.approved, .cancelled, .disputed], .approved: [.paid, .cancelled, .disputed],
            .disputed: [.pending, .approved, .cancelled], .cancelled: [], .paid: [],
        ]
        for from in CommissionStatus.allCases {
            for to in CommissionStatus.allCases where from != to {
                _ = try connection.execute("BEGIN")
                _ = try connection.execute("ALTER TABLE fature_v2.commissions DISABLE TRIGGER commissions_guard")
                try update("status = '\(from.name)'")
                _ = try connection.execute("ALTER TABLE fature_v2.commissions ENABLE TRIGGER commissions_guard")
                if legal[from]?.contains(to) == true {
                    try update("status = '\(to.name)'")
                } else {
                    isRefused("status = '\(to.name)'")
                }
                _ = try connection.execute("ROLLBACK")
            }
        }
        for set in [
            "amount = 6", "beneficiary_id = 7", "rate = 0.06", "created_at = now()", "ordinal = 9", "currency = 'USD'",
            "status = 'lost'",
        ] { isRefused(set) }
        try update("batch_id = 4")
        #expect(throws: PostgresError.self) { _ = try connection.execute("DELETE FROM fature_v2.commissions") }
        try update("status = 'approved'")
        try update("status = 'paid'")
        isRefused("batch_id = 5")
    }

    @Test("an entry of a reversed transaction, and its mirror, can be approved and paid but not cancelled")
    func reversedIsNotCancelled() async throws {
        let connection = try await StoreDatabase.create().connect()
        let id = try paidDeposit(connection)
        let entries = [1, -1, 2, -2].map { CommissionID(transaction: id, ordinal: $0) }
        func outcomes(_ status: CommissionStatus, _ ids: [CommissionID]) throws -> [CommissionDecisions.Outcome] {
            try CommissionDecisions.decide(decision(status), about: ids, on: connection).map(\.outcome)
        }
        #expect(try outcomes(.cancelled, [CommissionID(transaction: id, ordinal: 3)]) == [.changed])
        _ = try TransactionReversal.perform(id, reason: "fraud", origin: origin, on: connection)
        // What was cancelled before has no mirror.
        #expect(try outcomes(.approved, [CommissionID(transaction: id, ordinal: -3)]) == [.unknown])
        #expect(try outcomes(.cancelled, entries) == [.reversed, .reversed, .reversed, .reversed])
        #expect(try outcomes(.approved, entries) == [.changed, .changed, .changed, .changed])
        #expect(try outcomes(.paid, Array(entries[..<2])) == [.changed, .changed])
        #expect(try outcomes(.pending, entries) == [.illegal, .illegal, .illegal, .illegal])
        #expect(
            try connection.rows(
                "SELECT commissions_count, commissions_earned, commissions_paid FROM fature_v2.affiliate_totals WHERE affiliate_id IN (3, 4, 5) ORDER BY affiliate_id"
            ) == ["0 0.00 0.00", "2 0.00 0.00", "2 0.00 0.00"])
    }

    @Test("a cancelled or paid RevShare entry goes out of and into its own totals")
    func revShare() async throws {
        let connection = try await StoreDatabase.create().connect()
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.commissions (transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount,
                currency, plan_version) VALUES (70, 1, 5, 5, 0, 'revshare', 100, 0.3, 30, 'BRL', 1), (71, 1, 5, 5, 0, 'revshare', 10, 0.3, 3, 'BRL', 1)
            """)
        _ = try connection.execute(
            "INSERT INTO fature_v2.affiliate_totals (affiliate_id, commissions_count, commissions_earned, revshare_earned) VALUES (5, 2, 33, 33)"
        )
        _ = try CommissionDecisions.decide(
            decision(.cancelled), about: [CommissionID(transaction: 70, ordinal: 1)], on: connection)
        for status in [CommissionStatus.approved, .paid] {
            _ = try CommissionDecisions.decide(
                decision(status), about: [CommissionID(transaction: 71, ordinal: 1)], on: connection)
        }
        #expect(
            try connection.rows(
                "SELECT commissions_count, commissions_earned, commissions_paid, cpa_earned, revshare_earned FROM fature_v2.affiliate_totals"
            ) == ["1 3.00 3.00 0.00 3.00"])
    }

    @Test("decisions, reversals and payments of the same entries at once end with exact totals and wait for nobody for ever")
    func race() async throws {
        let store = try await StoreDatabase.create()
        let connection = try store.connect()
        try connection.commit((0..<60).map { try LedgerFixture.transaction("t\($0)", upline: [5, 4, 3, 2]) })
        let orders = try connection.ordersWaiting()
        try connection.pay(Array(orders[..<40]))
        let ids = orders.map(\.transactionID)
        let pool = try store.pool(connections: 5)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for lane in 0..<4 {
                tasks.addTask {
                    try await pool.withConnection { connection in
                        var generator = SeededGenerator(seed: UInt64(lane))
                        for _ in 0..<40 {
                            let chosen = (0..<20).compactMap { _ in ids.randomElement(using: &generator) }
                            if lane == 0 {
                                _ = try TransactionReversal.perform(chosen[0], reason: "r", origin: origin, on: connection)
                            } else {
                                let status = CommissionStatus.allCases.randomElement(using: &generator) ?? .paid
                                let entries = chosen.map {
                                    CommissionID(transaction: $0, ordinal: Int16.random(in: -2...4, using: &generator))
                                }
                                _ = try CommissionDecisions.decide(
                                    decision(status), about: entries.filter { $0.ordinal != 0 }, on: connection)
                            }
                        }
                    }
                }
            }
            tasks.addTask {
                try await pool.withConnection { connection in for order in orders { try connection.pay([order]) } }
            }
            try await tasks.waitForAll()
        }
        #expect(try LedgerModel.totals(connection) == LedgerModel(connection).totals)
        #expect(LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()) == [])
    }
}
