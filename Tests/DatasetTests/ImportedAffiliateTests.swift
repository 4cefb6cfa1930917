import Core
import Testing

@testable import Dataset

@Suite("Affiliate records")
struct ImportedAffiliateTests {
    private static let header = "affiliate_id,parent_affiliate_id,external_id,name,status,registration_date,referral_code,email"

    private func records(_ text: String) throws -> [Result<ImportedAffiliate, Reject>] {
        var reader = CSVReader()
        var header: AffiliateHeader?
        var all: [Result<ImportedAffiliate, Reject>] = []
        func take(_ record: CSVRecord) throws(AffiliateHeaderError) {
            guard let known = header else {
                header = try AffiliateHeader(record)
                return
            }
            all.append(Result { () throws(Reject) in try ImportedAffiliate(record, header: known) })
        }
        try Array(text.utf8).withUnsafeBytes { try reader.read($0, take) }
        try reader.finish(take)
        return all
    }

    @Test("a whole row is read, in any order of the columns")
    func wholeRow() throws {
        let text =
            "status,registration_date,name,unknown,affiliate_id,external_id,parent_affiliate_id\n"
            + "banned,2024-02-29T23:00:00-03:00,João,x,9223372036854775807,E1,\n"
        let record = try #require(try records(text).first).get()
        #expect(record.id == AffiliateID(Int64.max))
        #expect(record.parent == nil)
        #expect(record.status == .banned)
        #expect(String(decoding: record.name, as: UTF8.self) == "João")
        #expect(record.registrationMicroseconds == 1_709_258_400_000_000)
        #expect(record.email == nil)
        #expect(Array(record.category) == Array("standard".utf8))
    }

    @Test(
        "each kind of malformed row is refused with its reason, line and, if it can be read, its id",
        arguments: [
            ("x,,E,N,active,2024-01-01,,", RejectReason.badNumber, nil), ("0,,E,N,active,2024-01-01,,", .badNumber, nil),
            ("-1,,E,N,active,2024-01-01,,", .badNumber, nil), ("9223372036854775808,,E,N,active,2024-01-01,,", .badNumber, nil),
            ("5,abc,E,N,active,2024-01-01,,", .badNumber, 5), ("5,0,E,N,active,2024-01-01,,", .badNumber, 5),
            ("5,,,N,active,2024-01-01,,", .emptyExternalID, 5), ("5,,E,,active,2024-01-01,,", .emptyName, 5),
            ("5,,E,  ,active,2024-01-01,,", .emptyName, 5), ("5,,E,N,Active,2024-01-01,,", .badStatus, 5),
            ("5,,E,N,,2024-01-01,,", .badStatus, 5), ("5,,E,N,active,2024-02-30,,", .badDate, 5),
            ("5,,E,N,active,,,", .badDate, 5),
            ("5,,E,N,active,2024-01-01,ABCDEFGHIJKLMNOPQRSTU,", .textTooLong, 5),
            ("5,,E,N,active,2024-01-01", .malformedRecord, nil),
            ("5,,E,N,active,2024-01-01,,,", .malformedRecord, nil), ("5,,E,N\0,active,2024-01-01,,", .badText, 5),
            ("5,,E,\"N\"x,active,2024-01-01,,", .malformedRecord, nil),
        ] as [(String, RejectReason, Int64?)])
    func malformed(row: String, reason: RejectReason, id: Int64?) throws {
        let all = try records("\(Self.header)\n1,,A,B,active,2024-01-01,,\n\(row)\n2,1,B,B,active,2024-01-01,,\n")
        #expect(all.count == 3)
        #expect(throws: Never.self) { try all[0].get() }
        #expect(throws: Never.self) { try all[2].get() }
        guard case .failure(let reject) = all[1] else {
            Issue.record("taken: \(row)")
            return
        }
        #expect(reject.reason == reason)
        #expect(reject.lineOrID == 3)
        #expect(reject.affiliateID == id)
        #expect(!reject.detail.isEmpty)
    }

    @Test("text that is not UTF-8 is known, in all its kinds")
    func utf8() {
        let valid: [[UInt8]] = [
            [], [0x61], [0xC3, 0xA3], [0xE2, 0x82, 0xAC], [0xF0, 0x9F, 0x98, 0x80], [0xED, 0x9F, 0xBF], [0xEF, 0xBF, 0xBF],
        ]
        for bytes in valid { #expect(UTF8Text.characters(bytes[...]) == bytes.count { $0 & 0xC0 != 0x80 }) }
        let invalid: [[UInt8]] = [
            [0x00], [0x80], [0xC0, 0xAF], [0xC1, 0x81], [0xC3], [0xC3, 0x61], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xE2, 0x82],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ]
        for bytes in invalid { #expect(UTF8Text.characters(bytes[...]) == nil) }
    }

    @Test("a header without a required column, or with one twice, is refused")
    func headers() {
        #expect { try records("affiliate_id,name\n") } throws: { ($0 as? AffiliateHeaderError)?.code == .columnMissing }
        #expect { try records(Self.header + ",name\n") } throws: { ($0 as? AffiliateHeaderError)?.code == .columnTwice }
        #expect { try records("\"x\n") } throws: { ($0 as? AffiliateHeaderError)?.code == .unreadable }
    }

    @Test(
        "dates are read to the microsecond, with zones",
        arguments: [
            ("1970-01-01", 0), ("1969-12-31T23:59:59Z", -1_000_000), ("2000-02-29 12:30", 951_827_400_000_000),
            ("2024-12-31T23:59:59.123456789Z", 1_735_689_599_123_456), ("2024-01-01T00:00:00+02", 1_704_060_000_000_000),
            ("2024-01-01T00:00:00.5-03:30", 1_704_079_800_500_000), ("0001-01-01", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000), ("2024-01-01 00:00:00+0530", 1_704_047_400_000_000),
        ] as [(String, Int64)])
    func dates(text: String, microseconds: Int64) {
        #expect(Timestamp.parse(text.utf8) == microseconds)
        if microseconds % 1_000_000 == 0 {
            var bytes: [UInt8] = []
            Timestamp.append(seconds: microseconds / 1_000_000, to: &bytes)
            #expect(Timestamp.parse(bytes) == microseconds)
        }
    }

    @Test(
        "what is no date is refused",
        arguments: [
            "", "2024", "2024-13-01", "2023-02-29", "1900-02-29", "0000-01-01", "2024-01-00", "2024-01-01T24:00:00",
            "2024-01-01T00:60",
            "2024-01-01T00:00:60", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00ZZ", "2024-01-01T00:00:00+", "2024-1-1",
            "01/02/2024", "2024-01-01x",
        ])
    func noDates(text: String) { #expect(Timestamp.parse(text.utf8) == nil) }
}
