import Dataset
import PostgresClient

/// The rows of V1's `public.affiliates`, in the order of their ids. The line of a row is its id.
package final class V1Source: AffiliateSource {
    private let connection: PostgresConnection
    private let columns: String
    let identity: String
    let start = SourcePosition(place: Int64.min, line: 0)

    private static let optional: Set<AffiliateColumn> = [.referralCode, .email, .phone, .document, .category]

    /// - Parameter connection: to V1's database; used by nothing else while this lives.
    /// - Throws: `ImportError` with code `sourceUnusable` if there is no such table, or it lacks a column or its key.
    package init(_ connection: PostgresConnection) throws {
        guard try V1Schema.exists(connection) else {
            throw ImportError(
                .sourceUnusable,
                "\(connection.configuration) has no table public.affiliates; name V1's database with --v1-url, "
                    + "or make a demonstration with: fature generate")
        }
        let known = try connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'public.affiliates'::regclass AND attnum > 0 AND NOT attisdropped")
        var present: Set<String> = []
        for row in 0..<known.rowCount { present.insert(try known.text(row, 0)) }
        let missing = AffiliateColumn.allCases.filter { !present.contains($0.rawValue) && !Self.optional.contains($0) }
        guard missing.isEmpty else {
            throw ImportError(.sourceUnusable, "public.affiliates lacks \(missing.map(\.rawValue).joined(separator: ", "))")
        }
        // Reading goes from id to id, which would pass over a second row of the same id.
        let keys = try connection.execute(
            """
            SELECT count(*) FROM pg_index WHERE indrelid = 'public.affiliates'::regclass AND indisunique AND indisvalid
                AND indpred IS NULL AND indnkeyatts = 1 AND indkey[0] = (
                    SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = 'affiliate_id')
            """)
        guard try keys.int(0, 0) > 0 else {
            throw ImportError(
                .sourceUnusable,
                "public.affiliates has no unique index on affiliate_id; make one: ALTER TABLE public.affiliates ADD "
                    + "PRIMARY KEY (affiliate_id)")
        }
        self.connection = connection
        columns = AffiliateColumn.allCases.map { column in
            switch column {
            case .registrationDate:
                #"to_char(registration_date::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#
            case _ where !present.contains(column.rawValue): "NULL"
            default: column.rawValue
            }
        }.joined(separator: ", ")
        _ = try connection.execute("SET timezone = 'UTC'")
        // What is staged of a table that has changed since, or was replaced, must not be mixed with what is read now.
        let state = try connection.execute(
            "SELECT count(*), coalesce(max(affiliate_id), 0), coalesce(sum(hashtextextended(a::text, 0)), 0)::text FROM public.affiliates a"
        )
        identity = try "v1 \(connection.configuration) \(state.int(0, 0)) rows to \(state.int(0, 1)), sum \(state.text(0, 2))"
    }

    func read(
        from position: SourcePosition, rowsMax: Int, _ onRow: (Result<ImportedAffiliate, Reject>, _ line: Int64) throws -> Void
    ) throws -> (position: SourcePosition, isEnd: Bool) {
        var reader = CSVReader()
        var rows = 0
        var last = position.place
        func take(_ record: CSVRecord) throws {
            let row = Result { () throws(Reject) in try ImportedAffiliate(record, header: .complete) }
            guard let id = Int64(String(decoding: record[0], as: UTF8.self)) else {
                throw ImportError(.sourceUnusable, "public.affiliates.affiliate_id is not an integer after \(last)")
            }
            last = id
            rows += 1
            try onRow(
                row.mapError { Reject(lineOrID: id, affiliateID: id, reason: $0.reason, detail: $0.detail) }, id)
        }
        let condition = position.place == Int64.min ? "" : "WHERE affiliate_id > \(position.place)"
        try connection.copyOut(
            "COPY (SELECT \(columns) FROM public.affiliates \(condition) ORDER BY affiliate_id LIMIT \(rowsMax)) TO STDOUT (FORMAT csv)"
        ) { try reader.read($0, take) }
        try reader.finish(take)
        return (SourcePosition(place: last, line: 0), rows < rowsMax)
    }
}
