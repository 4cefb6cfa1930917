import Core
import Dataset
import PostgresClient

/// The old system's table `public.affiliates`: made for demonstrations and tests, and read by `migrate`.
package enum V1Schema {
    static let createTable = """
        CREATE TABLE public.affiliates (
            affiliate_id         bigint PRIMARY KEY,
            parent_affiliate_id  bigint,
            external_id          text NOT NULL,
            referral_code        varchar(20),
            name                 text NOT NULL,
            email                text,
            phone                text,
            document             text,
            category             text DEFAULT 'standard',
            status               text NOT NULL DEFAULT 'active',
            level_1_referrals    integer NOT NULL DEFAULT 0,
            registration_date    timestamptz NOT NULL DEFAULT now()
        )
        """

    /// The old system finds direct referrals by this index, and everything below them one level at a time.
    static let createIndex = "CREATE INDEX affiliates_parent_affiliate_id_idx ON public.affiliates (parent_affiliate_id)"

    /// Whether the database has a table `public.affiliates`.
    package static func exists(_ connection: PostgresConnection) throws -> Bool {
        try connection.execute("SELECT to_regclass('public.affiliates') IS NOT NULL").bool(0, 0)
    }

    /// Makes `public.affiliates` and fills it with a generated network, in one transaction: it is there whole or not at all.
    ///
    /// - Parameters:
    ///   - replace: whether a table that is there already is dropped; otherwise it is an error.
    ///   - onProgress: called now and then with the number of rows written.
    /// - Returns: the number of rows.
    @discardableResult
    package static func write(
        _ generator: NetworkGenerator, to connection: PostgresConnection, replace: Bool, onProgress: (Int) -> Void = { _ in }
    ) throws -> Int {
        try connection.transaction {
            if try exists(connection) {
                guard replace else {
                    throw ImportError(
                        .targetExists,
                        "table public.affiliates exists already; add --replace to drop it, or choose another database")
                }
                _ = try connection.execute("DROP TABLE public.affiliates")
            }
            _ = try connection.execute(createTable)
            let rows = try copy(generator, to: connection, onProgress)
            _ = try connection.execute(createIndex)
            _ = try connection.execute("ANALYZE public.affiliates")
            return rows
        }
    }

    private static let progressRows = 10_000

    private static func copy(
        _ generator: NetworkGenerator, to connection: PostgresConnection, _ onProgress: (Int) -> Void
    ) throws -> Int {
        try connection.copyIn(
            """
            COPY public.affiliates (affiliate_id, parent_affiliate_id, external_id, referral_code, name, email, phone, document, category,
                status, level_1_referrals, registration_date) FROM STDIN (FORMAT binary)
            """
        ) { writer in
            var buffer = BinaryCopyBuffer()
            let category = ArraySlice(AffiliateProfile.defaultCategory.utf8)
            var rows = 0
            try generator.forEach { affiliate throws(PostgresError) in
                buffer.startRow(fields: 12)
                buffer.field(affiliate.id.rawValue)
                buffer.field(affiliate.parent?.rawValue)
                buffer.field { affiliate.appendExternalID(to: &$0) }
                buffer.field { affiliate.appendReferralCode(to: &$0) }
                buffer.field { affiliate.appendName(to: &$0) }
                buffer.field { affiliate.appendEmail(to: &$0) }
                buffer.field { affiliate.appendPhone(to: &$0) }
                buffer.field { affiliate.appendDocument(to: &$0) }
                buffer.field(category)
                buffer.field(affiliate.status.name)
                buffer.field(Int32(truncatingIfNeeded: affiliate.directReferrals))
                buffer.field(timestampMicroseconds: affiliate.registrationSeconds * Timestamp.microsecondsPerSecond)
                try buffer.flushIfFull(writer)
                rows += 1
                if rows.isMultiple(of: progressRows) { onProgress(rows) }
            }
            try buffer.finish(writer)
        }
    }
}
