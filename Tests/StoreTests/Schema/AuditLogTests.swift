import PostgresClient
import Store
import Testing

@Suite struct AuditLogTests {
    @Test("partitions are made ahead once, and take over what the default partition caught for them")
    func partitions() async throws {
        let connection = try await StoreDatabase.create().connect()
        #expect(try AuditLog.makePartitions(monthsAhead: 3, on: connection) == 0)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.audit_log (at, table_name, record_id, operation, actor)
            SELECT now() + make_interval(months => m), 't', m::text, 'insert', 'tests' FROM generate_series(0, 6) AS m
            """)
        #expect(try connection.texts("SELECT record_id FROM fature_v2.audit_log_default ORDER BY 1") == ["4", "5", "6"])
        #expect(try AuditLog.makePartitions(monthsAhead: 5, on: connection) == 2)
        #expect(try connection.texts("SELECT record_id FROM fature_v2.audit_log_default") == ["6"])
        #expect(try connection.number("SELECT count(*) FROM fature_v2.audit_log") == 7)
        #expect(throws: PostgresError.self) { try AuditLog.makePartitions(monthsAhead: -1, on: connection) }
    }

    @Test("each write leaves one audit row with who, what and on which request")
    func rows() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(1)
        try connection.join(2, under: 1)
        _ = try connection.setStatus(2, .banned)
        _ = try connection.move(2, under: nil)
        let rows = try connection.texts(
            """
            SELECT concat_ws(' ', table_name, record_id, operation, actor, request_id, old_values ->> 'status', new_values ->> 'status',
                old_values ->> 'parent_affiliate_id', new_values ->> 'reason')
            FROM fature_v2.audit_log ORDER BY audit_id
            """)
        #expect(
            rows == [
                "affiliates_optimized 1 insert tests request-1 active", "affiliates_optimized 2 insert tests request-1 active",
                "affiliates_optimized 2 update tests request-1 active banned a test",
                "affiliates_optimized 2 update tests request-1 1 a test",
            ])
    }
}
