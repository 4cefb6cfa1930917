import Core

/// The CSV of a generated network, with all columns of `AffiliateColumn`.
package struct GeneratedCSV: Sendable {
    /// What has been written and not yet taken away.
    package var bytes: [UInt8] { writer.bytes }
    private var writer = CSVWriter()

    package init() {}

    package mutating func appendHeader() {
        for column in AffiliateColumn.allCases { writer.field(column.rawValue) }
        writer.endRecord()
    }

    package mutating func append(_ affiliate: GeneratedAffiliate) {
        writer.field(affiliate.id.rawValue)
        if let parent = affiliate.parent { writer.field(parent.rawValue) } else { writer.emptyField() }
        writer.field { affiliate.appendExternalID(to: &$0) }
        writer.field { affiliate.appendReferralCode(to: &$0) }
        writer.field { affiliate.appendName(to: &$0) }
        writer.field { affiliate.appendEmail(to: &$0) }
        writer.field { affiliate.appendPhone(to: &$0) }
        writer.field { affiliate.appendDocument(to: &$0) }
        writer.field(AffiliateProfile.defaultCategory)
        writer.field("\(affiliate.status.name)")
        writer.field { Timestamp.append(seconds: affiliate.registrationSeconds, to: &$0) }
        writer.endRecord()
    }

    /// Forgets what has been written, after its owner passed it on.
    package mutating func removeAll() { writer.removeAll() }
}
