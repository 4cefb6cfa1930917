import Core

/// One generated affiliate. Its texts are written on demand into a buffer and never kept.
///
/// Nobody's data: addresses are at example.com, telephone numbers have the area code 00 and documents begin with 000, which are given
/// to no one.
package struct GeneratedAffiliate: Sendable {
    package let id: AffiliateID
    package let parent: AffiliateID?
    package let status: AffiliateStatus
    /// Seconds since 1970-01-01 00:00:00 UTC.
    package let registrationSeconds: Int64
    package let directReferrals: Int
    let bits: UInt64

    package var hasEmail: Bool { bits & 0x1F != 0 }
    package var hasPhone: Bool { (bits >> 5) & 0x7 > 1 }
    package var hasDocument: Bool { (bits >> 8) & 0x7 > 2 }

    private var firstName: PersonNames.Name { PersonNames.first[Int((bits >> 11) & 0x7FFF) % PersonNames.first.count] }
    private var middleName: PersonNames.Name { PersonNames.last[Int((bits >> 26) & 0x7FFF) % PersonNames.last.count] }
    private var lastName: PersonNames.Name { PersonNames.last[Int((bits >> 41) & 0x7FFF) % PersonNames.last.count] }

    package func appendExternalID(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "FAT-".utf8)
        bytes.appendDecimal(id.rawValue)
    }

    /// Eight letters and digits that look unlike the id, and differ for every id below 2^40.
    package func appendReferralCode(to bytes: inout [UInt8]) {
        // An odd factor makes the product a permutation of the 40-bit numbers.
        var value = (UInt64(bitPattern: id.rawValue) &* 0x5D_9F3B_17C5) & 0xFF_FFFF_FFFF
        for _ in 0..<8 {
            bytes.append(GeneratedAffiliate.codeDigits[Int(value & 31)])
            value >>= 5
        }
        let above = UInt64(bitPattern: id.rawValue) >> 40
        if above > 0 { bytes.appendDecimal(Int64(above)) }
    }

    package func appendName(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: firstName.written)
        bytes.append(UInt8(ascii: " "))
        if hasMiddleName {
            bytes.append(contentsOf: middleName.written)
            bytes.append(UInt8(ascii: " "))
        }
        bytes.append(contentsOf: lastName.written)
    }

    package func appendEmail(to bytes: inout [UInt8]) {
        guard hasEmail else { return }
        bytes.append(contentsOf: firstName.plain)
        bytes.append(UInt8(ascii: "."))
        bytes.append(contentsOf: lastName.plain)
        bytes.append(UInt8(ascii: "."))
        bytes.appendDecimal(id.rawValue)
        bytes.append(contentsOf: "@example.com".utf8)
    }

    package func appendPhone(to bytes: inout [UInt8]) {
        guard hasPhone else { return }
        bytes.append(contentsOf: "+55009".utf8)
        bytes.appendDecimal(Int64((bits >> 16) % 100_000_000), digits: 8)
    }

    package func appendDocument(to bytes: inout [UInt8]) {
        guard hasDocument else { return }
        bytes.append(contentsOf: "000".utf8)
        bytes.appendDecimal(Int64((bits >> 20) % 100_000_000), digits: 8)
    }

    private var hasMiddleName: Bool { (bits >> 62) != 0 }

    private static let codeDigits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
}

extension [UInt8] {
    /// Appends a number in decimal digits, with leading zeros up to `digits`.
    package mutating func appendDecimal(_ value: Int64, digits: Int = 1) {
        if value < 0 { append(UInt8(ascii: "-")) }
        let start = count
        var rest = value.magnitude
        while rest > 0 || count - start < digits {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        self[start...].reverse()
    }
}
