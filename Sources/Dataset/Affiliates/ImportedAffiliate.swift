import Core

/// A row of a source whose fields are valid each by itself. Texts are slices of the record: valid UTF-8 without NUL, within their limits.
package struct ImportedAffiliate: Sendable {
    package let id: AffiliateID
    package let parent: AffiliateID?
    package let status: AffiliateStatus
    package let registrationMicroseconds: Int64
    package let externalID: ArraySlice<UInt8>
    package let referralCode: ArraySlice<UInt8>?
    package let name: ArraySlice<UInt8>
    package let email: ArraySlice<UInt8>?
    package let phone: ArraySlice<UInt8>?
    package let document: ArraySlice<UInt8>?
    package let category: ArraySlice<UInt8>

    /// - Throws: the reject that names the first field that is not valid. Its `lineOrID` is the record's line.
    package init(_ record: CSVRecord, header: AffiliateHeader) throws(Reject) {
        if let problem = record.problem {
            throw Reject(lineOrID: Int64(record.line), affiliateID: nil, reason: .malformedRecord, detail: "\(problem)")
        }
        guard record.count == header.fieldCount else {
            throw Reject(
                lineOrID: Int64(record.line), affiliateID: nil, reason: .malformedRecord,
                detail: "\(record.count) fields where the first line has \(header.fieldCount)")
        }
        let fields = FieldReader(record: record, header: header)
        id = try fields.id(.affiliateID)
        parent = header.field(.parentAffiliateID, of: record).isEmpty ? nil : try fields.id(.parentAffiliateID)
        externalID = try fields.text(
            .externalID, charactersMax: AffiliateProfile.externalIDCharactersMax, ifEmpty: .emptyExternalID)
        referralCode = try fields.optionalText(.referralCode, charactersMax: AffiliateProfile.referralCodeCharactersMax)
        name = try fields.text(.name, charactersMax: AffiliateProfile.nameCharactersMax, ifEmpty: .emptyName)
        email = try fields.optionalText(.email, charactersMax: AffiliateProfile.contactCharactersMax)
        phone = try fields.optionalText(.phone, charactersMax: AffiliateProfile.contactCharactersMax)
        document = try fields.optionalText(.document, charactersMax: AffiliateProfile.contactCharactersMax)
        category =
            try fields.optionalText(.category, charactersMax: AffiliateProfile.categoryCharactersMax)
            ?? ArraySlice(AffiliateProfile.defaultCategory.utf8)
        status = try fields.status()
        registrationMicroseconds = try fields.registration()
    }
}

extension Reject: Error {}

/// Reads the fields of one record, refusing with its line and id.
private struct FieldReader {
    let record: CSVRecord
    let header: AffiliateHeader

    func id(_ column: AffiliateColumn) throws(Reject) -> AffiliateID {
        let bytes = header.field(column, of: record)
        guard let value = FieldReader.positive(bytes) else {
            throw reject(
                .badNumber, "\(column.rawValue) \(quoted(bytes)) is not a whole number from 1 to \(Int64.max)",
                hasID: column != .affiliateID)
        }
        return AffiliateID(value)
    }

    func text(_ column: AffiliateColumn, charactersMax: Int, ifEmpty reason: RejectReason) throws(Reject) -> ArraySlice<UInt8> {
        guard let text = try optionalText(column, charactersMax: charactersMax), text.contains(where: { $0 != UInt8(ascii: " ") })
        else {
            throw reject(reason, "\(column.rawValue) is empty")
        }
        return text
    }

    func optionalText(_ column: AffiliateColumn, charactersMax: Int) throws(Reject) -> ArraySlice<UInt8>? {
        let bytes = header.field(column, of: record)
        if bytes.isEmpty { return nil }
        guard let characters = UTF8Text.characters(bytes) else {
            throw reject(.badText, "\(column.rawValue) is not UTF-8 text, or holds a NUL")
        }
        guard characters <= charactersMax else {
            throw reject(
                .textTooLong, "\(column.rawValue) has \(characters) characters, and at most \(charactersMax) are allowed")
        }
        return bytes
    }

    func status() throws(Reject) -> AffiliateStatus {
        let bytes = header.field(.status, of: record)
        guard let status = AffiliateStatus(name: String(decoding: bytes.prefix(32), as: UTF8.self)) else {
            throw reject(.badStatus, "status \(quoted(bytes)) is not active, inactive, suspended or banned")
        }
        return status
    }

    func registration() throws(Reject) -> Int64 {
        let bytes = header.field(.registrationDate, of: record)
        guard let microseconds = Timestamp.parse(bytes) else {
            throw reject(.badDate, "registration_date \(quoted(bytes)) is not a date such as 2024-12-31 or 2024-12-31T23:59:59Z")
        }
        return microseconds
    }

    private func reject(_ reason: RejectReason, _ detail: String, hasID: Bool = true) -> Reject {
        let id = hasID ? FieldReader.positive(header.field(.affiliateID, of: record)) : nil
        return Reject(lineOrID: Int64(record.line), affiliateID: id, reason: reason, detail: detail)
    }

    /// A field's first bytes for a message: whatever they are, what comes out is one line of valid text.
    private func quoted(_ bytes: ArraySlice<UInt8>) -> String {
        let shown = bytes.prefix(40).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
        return "\"\(String(decoding: shown, as: UTF8.self))\(bytes.count > 40 ? "…" : "")\""
    }

    private static func positive(_ bytes: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        if bytes.isEmpty { return nil }
        for byte in bytes {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return value > 0 ? value : nil
    }
}
