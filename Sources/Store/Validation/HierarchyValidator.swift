import PostgresClient

/// Checks the hierarchy of `fature_v2` against itself and against V1, from the parent ids alone: levels, paths, pairs and counters are
/// computed anew by a recursive query and compared with what is stored.
package struct HierarchyValidator {
    private let connection: PostgresConnection
    private let v1: PostgresConnection?

    /// Levels past which a walk up ends: one more than any affiliate may have above it.
    private static let walkLevelsMax = 1_001
    package static let examplesMax = 5

    /// - Parameters:
    ///   - connection: to the database of `fature_v2`. Nothing in it is changed.
    ///   - v1: another connection, to V1's database, if V1 is to be compared with. It is only read.
    package init(_ connection: PostgresConnection, v1: PostgresConnection? = nil) {
        self.connection = connection
        self.v1 = v1
    }

    /// - Parameter onCheck: called before each check.
    package func validate(onCheck: (HierarchyCheck) throws -> Void = { _ in }) throws -> HierarchyReport {
        try Schema.requireCurrent(connection)
        // One picture for all checks; temporary tables need a transaction that may write.
        return try connection.transaction(.repeatableRead) {
            _ = try connection.execute("SET LOCAL work_mem = '128MB'")
            _ = try connection.execute("SET LOCAL jit = off")
            if let v1 { try V1Source.copyForComparison(from: v1, to: connection) }
            try makeTruth()
            var report = try counts()
            for check in HierarchyCheck.allCases where v1 != nil || !check.needsV1 {
                try onCheck(check)
                report.findings.append(try run(check))
            }
            return report
        }
    }

    /// `truth_reached`: who hangs from a root, or from an orphan; nobody else, so those in and below cycles are missing. `truth_pair`: every
    /// (ancestor, descendant, distance) of these, found by walking up. `truth_node`: what follows from it for each.
    private func makeTruth() throws {
        for statement in [
            """
            CREATE TEMP TABLE truth_reached ON COMMIT DROP AS
            WITH RECURSIVE down (affiliate_id) AS (
                SELECT a.affiliate_id FROM fature_v2.affiliates_optimized a
                WHERE a.parent_affiliate_id IS NULL
                    OR NOT EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized p WHERE p.affiliate_id = a.parent_affiliate_id)
                UNION ALL
                SELECT a.affiliate_id FROM down d JOIN fature_v2.affiliates_optimized a ON a.parent_affiliate_id = d.affiliate_id
            )
            SELECT affiliate_id FROM down
            """,
            "ANALYZE truth_reached",
            """
            CREATE TEMP TABLE truth_pair ON COMMIT DROP AS
            WITH RECURSIVE up (descendant_id, ancestor_id, next_id, distance) AS (
                SELECT a.affiliate_id, p.affiliate_id, p.parent_affiliate_id, 1
                FROM fature_v2.affiliates_optimized a JOIN fature_v2.affiliates_optimized p ON p.affiliate_id = a.parent_affiliate_id
                WHERE a.affiliate_id IN (SELECT affiliate_id FROM truth_reached)
                UNION ALL
                SELECT u.descendant_id, p.affiliate_id, p.parent_affiliate_id, u.distance + 1
                FROM up u JOIN fature_v2.affiliates_optimized p ON p.affiliate_id = u.next_id
                WHERE u.distance < \(Self.walkLevelsMax)
            )
            SELECT ancestor_id, descendant_id, distance FROM up
            """,
            "ANALYZE truth_pair",
            """
            CREATE TEMP TABLE truth_node ON COMMIT DROP AS
            SELECT a.affiliate_id, coalesce(u.levels_above, 0) + 1 AS level, coalesce(u.upline, '') || a.affiliate_id AS path,
                coalesce(u.root_id, a.affiliate_id) AS root_id
            FROM truth_reached a LEFT JOIN (
                SELECT descendant_id, count(*) AS levels_above, string_agg(ancestor_id::text, '.' ORDER BY distance DESC) || '.' AS upline,
                    (array_agg(ancestor_id ORDER BY distance DESC))[1] AS root_id
                FROM truth_pair GROUP BY descendant_id
            ) AS u ON u.descendant_id = a.affiliate_id
            """,
            "ANALYZE truth_node",
        ] {
            _ = try connection.execute(statement)
        }
    }

    private func counts() throws -> HierarchyReport {
        let here = try connection.execute(
            """
            SELECT count(*), count(*) FILTER (WHERE parent_affiliate_id IS NULL), count(parent_affiliate_id),
                (SELECT count(*) FROM fature_v2.hierarchy_index)
            FROM fature_v2.affiliates_optimized
            """)
        var report = HierarchyReport(
            affiliates: try here.int(0, 0), roots: try here.int(0, 1), links: try here.int(0, 2), indexRows: try here.int(0, 3),
            findings: [])
        if v1 != nil {
            let there = try connection.execute("SELECT count(*), count(parent_affiliate_id) FROM v1_affiliate")
            report.v1Affiliates = try there.int(0, 0)
            report.v1Links = try there.int(0, 1)
        }
        return report
    }

    private func run(_ check: HierarchyCheck) throws -> HierarchyFinding {
        let found = try connection.execute(
            """
            WITH wrong AS MATERIALIZED (\(HierarchyCheckQueries.sql(check)))
            SELECT count(*), ARRAY(SELECT who FROM wrong ORDER BY length(who), who LIMIT \(Self.examplesMax)) FROM wrong
            """)
        return HierarchyFinding(
            check: check, count: try found.int(0, 0), examples: try found.textArray(0, 1).compactMap { $0 })
    }
}
