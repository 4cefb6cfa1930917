import Core
import PostgresClient

/// What an affiliate has earned, newest first, a page at a time, with the totals over all that the filter names.
package enum CommissionPages {
    package struct Filter: Sendable, Equatable {
        package var beneficiary: AffiliateID
        package var status: CommissionStatus?
        /// When the entry was made: from this moment on, and before that one. Microseconds since 1970.
        package var from: Int64?
        package var to: Int64?

        package init(beneficiary: AffiliateID, status: CommissionStatus? = nil, from: Int64? = nil, to: Int64? = nil) {
            self.beneficiary = beneficiary
            self.status = status
            self.from = from
            self.to = to
        }

        var isEverything: Bool { status == nil && from == nil && to == nil }

        /// `c.status`, and `$2`, which has a type only where it is spoken of. That it is not pending is written out so that the planner knows that
        /// `commissions_decided_idx` has all of them.
        var statusCondition: String {
            switch status {
            case nil: "$2::text IS NULL"
            case .pending: "c.status = $2::text"
            default: "c.status = $2::text AND c.status <> 'pending'"
            }
        }
    }

    /// How many entries there are and their sum. Cancelled ones count only where they alone are asked for.
    package struct Totals: Sendable, Equatable {
        package var count: Int64
        /// A decimal text.
        package var amount: String

        package init(count: Int64, amount: String) {
            self.count = count
            self.amount = amount
        }
    }

    /// The last entry of a page, behind which the next one begins, and the totals of the first page.
    package struct Cursor: Sendable, Equatable {
        package var createdAt: Int64
        package var id: CommissionID
        package var totals: Totals

        package init(createdAt: Int64, id: CommissionID, totals: Totals) {
            self.createdAt = createdAt
            self.id = id
            self.totals = totals
        }
    }

    package struct Page: Sendable {
        package var commissions: [StoredCommission]
        package var totals: Totals
        package var next: Cursor?
    }

    package static let limitMax = 1000

    /// A page, or nil if there is no such affiliate.
    ///
    /// Totals without a filter are running totals. With one they are counted on the first page only: the cursor takes them to the others. What has
    /// been decided about is counted in an index, everything else entry by entry, which costs about 0.5 s for a million.
    package static func page(
        _ filter: Filter, limit: Int, after cursor: Cursor? = nil, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> Page? {
        guard (1...limitMax).contains(limit) else {
            throw StoreError(.tooMany, "\(limit) commissions on a page; 1 to \(limitMax) are possible")
        }
        // One picture: totals and entries belong together.
        return try connection.transaction(.snapshotReadOnly) {
            try read(filter, limit, cursor, on: connection, timeoutMilliseconds)
        }
    }

    private static func read(
        _ filter: Filter, _ limit: Int, _ cursor: Cursor?, on connection: PostgresConnection, _ timeoutMilliseconds: Int?
    ) throws -> Page? {
        let id = filter.beneficiary.rawValue
        let known = try connection.execute(
            """
            SELECT coalesce(t.commissions_count, 0), coalesce(t.commissions_earned, 0.00)::text
            FROM fature_v2.affiliates_optimized a LEFT JOIN fature_v2.affiliate_totals t ON t.affiliate_id = a.affiliate_id
            WHERE a.affiliate_id = $1
            """, [.int(id)], timeoutMilliseconds: timeoutMilliseconds)
        guard known.rowCount == 1 else { return nil }
        let totals: Totals
        if filter.isEverything {
            totals = Totals(count: try known.int(0, 0), amount: try known.text(0, 1))
        } else {
            totals = try cursor?.totals ?? count(filter, on: connection, timeoutMilliseconds)
        }
        let result = try connection.execute(
            """
            SELECT \(StoredCommission.columns) FROM fature_v2.commissions c
            WHERE c.beneficiary_id = $1 AND \(filter.statusCondition) AND \(isInTime("$3", "$4"))
                AND (c.created_at, c.transaction_id, c.ordinal)
                    < (coalesce(timestamptz 'epoch' + $5::bigint * interval '1 microsecond', 'infinity'), $6::bigint, $7::bigint)
            ORDER BY c.created_at DESC, c.transaction_id DESC, c.ordinal DESC LIMIT $8
            """,
            [
                .int(id), .optionalText(filter.status.map { "\($0.name)" }), .optionalInt(filter.from), .optionalInt(filter.to),
                .optionalInt(cursor?.createdAt), .int(cursor?.id.transaction ?? 0), .int(Int64(cursor?.id.ordinal ?? 0)),
                .int(Int64(limit) + 1),
            ], timeoutMilliseconds: timeoutMilliseconds)
        let rows = try (0..<min(result.rowCount, limit)).map { try StoredCommission(result, $0) }
        var next: Cursor?
        if result.rowCount > limit, let last = rows.last {
            next = Cursor(createdAt: last.createdAt, id: last.id, totals: totals)
        }
        return Page(commissions: rows, totals: totals, next: next)
    }

    private static func count(
        _ filter: Filter, on connection: PostgresConnection, _ timeoutMilliseconds: Int?
    ) throws -> Totals {
        let result = try connection.execute(
            """
            SELECT count(*), coalesce(sum(c.amount), 0.00)::text FROM fature_v2.commissions c
            WHERE c.beneficiary_id = $1 AND \(filter.statusCondition) \(filter.status == nil ? "AND c.status <> 'cancelled'" : "")
                AND \(isInTime("$3", "$4"))
            """,
            [
                .int(filter.beneficiary.rawValue), .optionalText(filter.status.map { "\($0.name)" }), .optionalInt(filter.from),
                .optionalInt(filter.to),
            ], timeoutMilliseconds: timeoutMilliseconds)
        return Totals(count: try result.int(0, 0), amount: try result.text(0, 1))
    }

    /// Both bounds always, so that the index is searched by them whether they are given or not.
    private static func isInTime(_ from: String, _ to: String) -> String {
        """
        c.created_at >= coalesce(timestamptz 'epoch' + \(from)::bigint * interval '1 microsecond', '-infinity')
        AND c.created_at < coalesce(timestamptz 'epoch' + \(to)::bigint * interval '1 microsecond', 'infinity')
        """
    }
}
