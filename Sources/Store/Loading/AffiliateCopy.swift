import Core
import PostgresClient

/// Affiliates through a binary COPY, decoded where they lie.
enum AffiliateCopy {
    /// The columns a record is made of, in the order `decode` reads them.
    private static let columns = """
        a.shard_id, a.affiliate_id, a.parent_affiliate_id, a.status, a.registration_date, a.external_id, a.referral_code, \
        a.name, a.email, a.phone, a.document, a.category
        """
    private static let columnsCount = 12

    /// Microseconds from 1970-01-01, where Unix counts from, to 2000-01-01, where PostgreSQL does.
    private static let postgresEpochMicroseconds: Int64 = 946_684_800_000_000

    /// Reads all affiliates `clauses` select; they follow `FROM fature_v2.affiliates_optimized a`.
    /// - Returns: how many there were.
    static func read(
        _ clauses: String, _ connection: PostgresConnection, _ timeoutMilliseconds: Int?,
        _ onRecord: (borrowing AffiliateRecord) throws -> Void
    ) throws -> Int {
        var reader = BinaryCopyReader()
        let sql = "COPY (SELECT \(columns) FROM fature_v2.affiliates_optimized a \(clauses)) TO STDOUT (FORMAT binary)"
        let count = try connection.copyOut(sql, timeoutMilliseconds: timeoutMilliseconds) { message in
            try reader.feed(message, columns: columnsCount) { fields in try onRecord(decode(&fields)) }
        }
        try reader.finish()
        return count
    }

    @inline(__always)
    static func decode(_ fields: inout BinaryCopyFields) throws -> AffiliateRecord {
        let shard = try fields.smallint()
        guard shard >= 0, shard < ShardID.count else { throw fields.malformed("shard \(shard)") }
        let id = try fields.bigint()
        let parent = try fields.optionalBigint() ?? 0
        guard id > 0, parent >= 0 else { throw fields.malformed("affiliate \(id) under sponsor \(parent)") }
        let status = try status(fields.text(), fields)
        let (registration, overflow) = try fields.bigint().addingReportingOverflow(postgresEpochMicroseconds)
        // The two infinities are the ends of the range and no moments.
        guard !overflow, registration != .min &+ postgresEpochMicroseconds else {
            throw fields.malformed("affiliate \(id) has an infinite registration date")
        }
        return AffiliateRecord(
            shard: ShardID(rawValue: UInt16(truncatingIfNeeded: shard)), id: AffiliateID(rawValue: id), parent: parent,
            status: status,
            registrationMicroseconds: registration, externalID: try fields.text(), referralCode: try fields.optionalText(),
            name: try fields.text(), email: try fields.optionalText(), phone: try fields.optionalText(),
            document: try fields.optionalText(), category: try fields.text())
    }

    /// The first letter tells the four apart; the whole word is compared only so that nothing else passes for one.
    @inline(__always)
    private static func status(_ word: UnsafeRawBufferPointer, _ fields: borrowing BinaryCopyFields) throws -> AffiliateStatus {
        let candidate: AffiliateStatus? =
            switch word.first {
            case UInt8(ascii: "a"): .active
            case UInt8(ascii: "i"): .inactive
            case UInt8(ascii: "s"): .suspended
            case UInt8(ascii: "b"): .banned
            default: nil
            }
        guard let candidate, candidate.name.withUTF8Buffer({ $0.elementsEqual(word) }) else {
            throw fields.malformed("a status of \(word.count) bytes that is none of the four")
        }
        return candidate
    }
}
