import PostgresClient
import Store
import TestServers
import Testing

@testable import fature_bench

/// A ledger written by hand: the check that ends a benchmark must find every kind of difference, and none where there is none.
@Suite struct OracleTests {
    /// 3 is below 2 is below 1; 2 is inactive. One deposit of 10.50 by 3: 0.315, rounded to 0.32, for 1; nothing for 2.
    private static let exact = """
        INSERT INTO fature_v2.affiliates_optimized (affiliate_id, parent_affiliate_id, hierarchy_level, shard_id, status, external_id, name, hierarchy_path)
        VALUES (1, NULL, 1, 0, 'active', 'a', 'A', '1'), (2, 1, 2, 0, 'inactive', 'b', 'B', '1.2'), (3, 2, 3, 0, 'active', 'c', 'C', '1.2.3');
        INSERT INTO fature_v2.hierarchy_index VALUES (1, 2, 1), (2, 3, 1), (1, 3, 2);
        INSERT INTO fature_v2.transactions (transaction_id, affiliate_id, transaction_type, amount, external_transaction_id, shard_id, upline, commission_processed)
        VALUES (7, 3, 'deposit', 10.50, 'bench-0', 0, '{2,1}', true);
        INSERT INTO fature_v2.transaction_key VALUES ('bench-0', 7);
        INSERT INTO fature_v2.commissions (transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
        VALUES (7, 2, 1, 3, 2, 'percentage', 10.50, 0.03, 0.32, 'BRL', 1);
        INSERT INTO fature_v2.affiliate_totals (affiliate_id, transactions_count, deposits, lifetime_volume) VALUES (3, 1, 10.50, 10.50);
        INSERT INTO fature_v2.affiliate_totals (affiliate_id, commissions_count, commissions_earned) VALUES (1, 1, 0.32);
        """

    private func differences(after change: String) async throws -> [Int64] {
        let connection = try await TestDatabase.create().connect()
        try Schema.migrate(connection)
        try connection.executeScript(Self.exact)
        try connection.executeScript(change)
        return try OracleSQL.checks.map { try connection.execute($0.sql).int(0, 0) }
    }

    @Test("a ledger that is exact has no differences")
    func exact() async throws {
        #expect(try await differences(after: "SELECT 1") == [0, 0, 0, 0, 0])
    }

    @Test(
        "a difference is found, whatever it is",
        arguments: [
            ("UPDATE fature_v2.transactions SET commission_processed = false", [1, 0, 0, 0, 0]),
            ("DELETE FROM fature_v2.transaction_key", [0, 1, 0, 0, 0]),
            ("UPDATE fature_v2.transaction_key SET external_transaction_id = 'bench-1'", [0, 1, 0, 0, 0]),
            // A cent too much for 1: entry and total.
            (
                "ALTER TABLE fature_v2.commissions DISABLE TRIGGER ALL; UPDATE fature_v2.commissions SET amount = 0.33",
                [0, 0, 1, 1, 0]
            ),
            ("ALTER TABLE fature_v2.commissions DISABLE TRIGGER ALL; DELETE FROM fature_v2.commissions", [0, 0, 1, 1, 0]),
            // Paid twice, totals and all.
            (
                """
                INSERT INTO fature_v2.commissions (transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount,
                    currency, plan_version)
                SELECT transaction_id, 9, 2, source_id, 1, rule, base_amount, 0.05, 0.53, currency, plan_version FROM fature_v2.commissions;
                INSERT INTO fature_v2.affiliate_totals (affiliate_id, commissions_count, commissions_earned) VALUES (2, 1, 0.53)
                """, [0, 0, 1, 0, 0]
            ),
            ("UPDATE fature_v2.affiliate_totals SET deposits = 10.51 WHERE affiliate_id = 3", [0, 0, 0, 1, 0]),
            ("DELETE FROM fature_v2.affiliate_totals WHERE affiliate_id = 1", [0, 0, 0, 1, 0]),
            (
                """
                INSERT INTO fature_v2.dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
                VALUES ('commission', '7', 0, '', 'x', 'x', 1, 0, now())
                """, [0, 0, 0, 0, 1]
            ),
        ] as [(String, [Int64])])
    func tampered(change: String, expected: [Int64]) async throws {
        #expect(try await differences(after: change) == expected)
    }
}
