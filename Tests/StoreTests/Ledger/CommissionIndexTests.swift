import Core
import PostgresClient
import Store
import TestServers
import Testing

/// How often indexes of `commissions` have been searched, and how many of their entries were looked at.
private struct IndexUse: Equatable {
    var decidedScans: Int64
    var beneficiaryEntries: Int64

    init(_ connection: PostgresConnection) throws {
        _ = try connection.execute("SELECT pg_stat_force_next_flush()")
        func figure(_ column: String, _ index: String) throws -> Int64 {
            try connection.number("SELECT \(column) FROM pg_stat_user_indexes WHERE indexrelname = '\(index)'")
        }
        decidedScans = try figure("idx_scan", "commissions_decided_idx")
        beneficiaryEntries = try figure("idx_tup_read", "commissions_beneficiary_idx")
    }
}

@Suite struct CommissionIndexTests {
    /// 20,000 entries of one beneficiary, of which one in 1,000 is approved.
    private static func ledger() async throws -> PostgresConnection {
        let connection = try await StoreDatabase.create().connect()
        _ = try connection.join(1)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.commissions (
                transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version,
                status, created_at)
            SELECT n * 1000, 1, 1, 900, 1, 'percentage', 100, 0.05, 5, 'BRL', 1,
                CASE WHEN n % 1000 = 0 THEN 'approved' ELSE 'pending' END, timestamptz '2026-01-01Z' + n * interval '1 second'
            FROM generate_series(1, 20000) AS n
            """)
        _ = try connection.execute("VACUUM ANALYZE fature_v2.commissions")
        return connection
    }

    @Test("what has been decided about is counted and listed by its own index, whatever else the beneficiary has")
    func pages() async throws {
        let connection = try await Self.ledger()
        let filter = CommissionPages.Filter(beneficiary: AffiliateID(1), status: .approved)
        let before = try IndexUse(connection)
        // More often than PostgreSQL plans anew for.
        var cursor: CommissionPages.Cursor?
        for turn in 0..<10 {
            let page = try #require(try CommissionPages.page(filter, limit: 2, after: cursor, on: connection))
            #expect(page.commissions.count == 2 && page.totals == .init(count: 20, amount: "100.00"))
            if turn < 9 { cursor = page.next }
        }
        for _ in 0..<10 { _ = try CommissionPages.page(filter, limit: 2, on: connection) }
        let after = try IndexUse(connection)
        #expect(after.decidedScans >= before.decidedScans + 20)
        #expect(after.beneficiaryEntries == before.beneficiaryEntries)
    }

    @Test("a decision by beneficiary and status looks at nothing else")
    func decisions() async throws {
        let connection = try await Self.ledger()
        let before = try IndexUse(connection)
        let decision = CommissionDecisions.Decision(status: .paid, reason: "r", origin: StoreDatabase.origin)
        var position: CommissionDecisions.Position?
        var pieces: [Int64] = []
        repeat {
            let piece = try CommissionDecisions.decideNext(
                decision, where: .init(beneficiary: AffiliateID(1), status: .approved), after: position, pieceMax: 8,
                on: connection)
            pieces.append(piece.changed)
            position = piece.next
        } while position != nil
        #expect(pieces == [8, 8, 4])
        let after = try IndexUse(connection)
        #expect(after.decidedScans >= before.decidedScans + 3)
        #expect(after.beneficiaryEntries == before.beneficiaryEntries)
    }
}
