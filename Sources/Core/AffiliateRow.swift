/// One affiliate as PostgreSQL holds it and as a partition is built from it.
package struct AffiliateRow: Hashable, Sendable {
    package var id: AffiliateID
    /// The sponsor, or nil for a root.
    package var parent: AffiliateID?
    package var status: AffiliateStatus
    package var profile: AffiliateProfile

    package init(id: AffiliateID, parent: AffiliateID?, status: AffiliateStatus, profile: AffiliateProfile) {
        self.id = id
        self.parent = parent
        self.status = status
        self.profile = profile
    }
}

/// The fields of an affiliate that say who it is, and that no hierarchy question needs.
package struct AffiliateProfile: Hashable, Sendable {
    /// Unique in the programme.
    package var externalID: String
    /// Unique in the programme, at most 20 characters.
    package var referralCode: String?
    package var name: String
    package var email: String?
    package var phone: String?
    package var document: String?
    package var category: String
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    package var registrationMicroseconds: Int64

    package static let defaultCategory = "standard"

    // How long the fields may be, wherever an affiliate comes from. Unicode scalars.
    package static let externalIDCharactersMax = 255
    package static let referralCodeCharactersMax = 20
    package static let nameCharactersMax = 255
    /// Of email, phone and document each.
    package static let contactCharactersMax = 320
    package static let categoryCharactersMax = 64

    package init(
        externalID: String, referralCode: String? = nil, name: String, email: String? = nil, phone: String? = nil,
        document: String? = nil, category: String = AffiliateProfile.defaultCategory, registrationMicroseconds: Int64
    ) {
        self.externalID = externalID
        self.referralCode = referralCode
        self.name = name
        self.email = email
        self.phone = phone
        self.document = document
        self.category = category
        self.registrationMicroseconds = registrationMicroseconds
    }
}
