/// Why a row is not imported. The words stand in the rejects file.
package enum RejectReason: String, CaseIterable, Sendable {
    case malformedRecord = "malformed_record"
    case badNumber = "bad_number"
    case badStatus = "bad_status"
    case badDate = "bad_date"
    case badText = "bad_text"
    case emptyName = "empty_name"
    case emptyExternalID = "empty_external_id"
    case textTooLong = "text_too_long"
    case duplicateAffiliateID = "duplicate_affiliate_id"
    case duplicateExternalID = "duplicate_external_id"
    case duplicateReferralCode = "duplicate_referral_code"
    case orphan
    case cycle
    case sponsorRejected = "sponsor_rejected"
    case tooDeep = "too_deep"
}

/// One row that is not imported.
package struct Reject: Hashable, Sendable {
    /// The line of the file, from 1, or the id where the source is a table.
    package var lineOrID: Int64
    /// Nil if the row's id cannot be read.
    package var affiliateID: Int64?
    package var reason: RejectReason
    package var detail: String

    package init(lineOrID: Int64, affiliateID: Int64?, reason: RejectReason, detail: String) {
        self.lineOrID = lineOrID
        self.affiliateID = affiliateID
        self.reason = reason
        self.detail = detail
    }
}
