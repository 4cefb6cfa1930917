import Core
import Dataset
import PostgresClient

/// Takes from the staging table what cannot be imported, leaving a reject for each, and what is there already.
struct ImportChecks {
    let connection: PostgresConnection
    let run: ImportRun

    /// All that is known of an affiliate but its id and what follows from the hierarchy.
    private static func facts(_ table: String) -> String {
        let columns = [
            "parent_affiliate_id", "registration_date", "status", "category", "external_id", "referral_code::text", "name",
            "email", "phone",
            "document",
        ]
        return "ROW(\(columns.map { "\(table).\($0)" }.joined(separator: ", ")))"
    }

    /// Removes rows whose id, external id or referral code is taken by an earlier row or by the hierarchy.
    /// - Returns: how many were exact repetitions.
    func removeDuplicates(hierarchyIsEmpty: Bool) throws -> Int64 {
        var repeated = try removeRepeatedIDs()
        if !hierarchyIsEmpty { repeated += try removePresentIDs() }
        try removeTaken("external_id", .duplicateExternalID, hierarchyIsEmpty: hierarchyIsEmpty)
        try removeTaken("referral_code", .duplicateReferralCode, hierarchyIsEmpty: hierarchyIsEmpty)
        return repeated
    }

    private func removeRepeatedIDs() throws -> Int64 {
        try connection.execute(
            """
            WITH kept AS (
                SELECT affiliate_id, min(line) AS line FROM fature_v2.import_staging GROUP BY affiliate_id HAVING count(*) > 1
            ), gone AS (
                DELETE FROM fature_v2.import_staging s USING kept WHERE s.affiliate_id = kept.affiliate_id AND s.line > kept.line
                RETURNING s.*, kept.line AS kept_line
            ), judged AS (
                SELECT gone.line, gone.affiliate_id, gone.kept_line,
                    \(Self.facts("gone")) IS NOT DISTINCT FROM \(Self.facts("first")) AS is_same
                FROM gone JOIN fature_v2.import_staging first ON first.line = gone.kept_line AND first.affiliate_id = gone.affiliate_id
            ), rejected AS (
                INSERT INTO fature_v2.import_reject (run_id, line, affiliate_id, reason, detail)
                SELECT $1, line, affiliate_id, 'duplicate_affiliate_id', 'line ' || kept_line || ' has the same id with other facts'
                FROM judged WHERE NOT is_same
            )
            SELECT count(*) FROM judged WHERE is_same
            """, [.int(run.id)]
        ).int(0, 0)
    }

    private func removePresentIDs() throws -> Int64 {
        try connection.execute(
            """
            WITH gone AS (
                DELETE FROM fature_v2.import_staging s USING fature_v2.affiliates_optimized a WHERE a.affiliate_id = s.affiliate_id
                RETURNING s.line, s.affiliate_id, \(Self.facts("s")) IS NOT DISTINCT FROM \(Self.facts("a")) AS is_same
            ), rejected AS (
                INSERT INTO fature_v2.import_reject (run_id, line, affiliate_id, reason, detail)
                SELECT $1, line, affiliate_id, 'duplicate_affiliate_id', 'the hierarchy has this affiliate already, with other facts'
                FROM gone WHERE NOT is_same
            )
            SELECT count(*) FROM gone WHERE is_same
            """, [.int(run.id)]
        ).int(0, 0)
    }

    private func removeTaken(_ column: String, _ reason: RejectReason, hierarchyIsEmpty: Bool) throws {
        _ = try connection.execute(
            """
            WITH kept AS (
                SELECT \(column), min(line) AS line FROM fature_v2.import_staging WHERE \(column) IS NOT NULL
                GROUP BY \(column) HAVING count(*) > 1
            ), gone AS (
                DELETE FROM fature_v2.import_staging s USING kept WHERE s.\(column) = kept.\(column) AND s.line > kept.line
                RETURNING s.line, s.affiliate_id, kept.line AS kept_line
            )
            INSERT INTO fature_v2.import_reject (run_id, line, affiliate_id, reason, detail)
            SELECT $1, line, affiliate_id, '\(reason.rawValue)', '\(column) is the same as in line ' || kept_line FROM gone
            """, [.int(run.id)])
        guard !hierarchyIsEmpty else { return }
        _ = try connection.execute(
            """
            WITH gone AS (
                DELETE FROM fature_v2.import_staging s USING fature_v2.affiliates_optimized a WHERE a.\(column) = s.\(column)
                RETURNING s.line, s.affiliate_id, a.affiliate_id AS owner
            )
            INSERT INTO fature_v2.import_reject (run_id, line, affiliate_id, reason, detail)
            SELECT $1, line, affiliate_id, '\(reason.rawValue)', '\(column) belongs to affiliate ' || owner || ' already' FROM gone
            """, [.int(run.id)])
    }

    /// Leaves a reject for each staged row that `import_tree` does not hold.
    func rejectUnreached() throws {
        var rows: [UnreachedAffiliates.Row] = []
        var sponsors: [Int64: UnreachedAffiliates.Sponsor] = [:]
        try connection.copyOut(
            """
            COPY (
                SELECT s.line, s.affiliate_id, s.parent_affiliate_id,
                    CASE WHEN EXISTS (SELECT 1 FROM import_tree t WHERE t.affiliate_id = s.parent_affiliate_id)
                            OR EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized a WHERE a.affiliate_id = s.parent_affiliate_id) THEN 1
                        WHEN EXISTS (SELECT 1 FROM fature_v2.import_reject r
                            WHERE r.run_id = \(run.id) AND r.affiliate_id = s.parent_affiliate_id) THEN 2
                        ELSE 0 END
                FROM fature_v2.import_staging s
                WHERE NOT EXISTS (SELECT 1 FROM import_tree t WHERE t.affiliate_id = s.affiliate_id)
                ORDER BY s.line
            ) TO STDOUT
            """
        ) { line in
            let fields = line.split(whereSeparator: { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n") })
                .compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
            guard fields.count == 4 else { throw StoreError(.malformedCopy, "a staged row came without its sponsor") }
            guard rows.count < ImportOptions.rejectsMax else {
                throw ImportError(
                    .tooManyRejects, "more than \(ImportOptions.rejectsMax) rows hang from no root: is this the right source?")
            }
            rows.append(UnreachedAffiliates.Row(lineOrID: fields[0], id: fields[1], parent: fields[2]))
            if fields[3] != 0 { sponsors[fields[2]] = fields[3] == 1 ? .deepest : .refused }
        }
        guard !rows.isEmpty else { return }
        let rejects = UnreachedAffiliates.rejects(rows, levelsMax: hierarchyLevelMax) { sponsors[$0] ?? .unknown }
        try ImportRuns.add(rejects, run, connection)
    }
}
