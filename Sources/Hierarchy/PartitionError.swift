import Core

/// Why a partition refused. It is as it was before the call.
package struct PartitionError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        case invalidIdentifier
        case duplicateIdentifier
        case unknownAffiliate
        /// The parent named by a row is not in the partition.
        case orphan
        case cycle
        case tooManyAffiliates
        case overlayFull
        case profileFieldTooLong
        case profilesTooLarge
        case cursorExpired
    }

    package let code: Code
    /// The affiliate the error is about.
    package let affiliate: AffiliateID
    /// The other affiliate involved, if there is one: the missing parent, the new sponsor.
    package let other: AffiliateID?
    /// What is wrong, where, and what to do next.
    package let message: String

    package var description: String { message }

    private init(_ code: Code, _ affiliate: Int64, other: Int64? = nil, _ message: String) {
        self.code = code
        self.affiliate = AffiliateID(affiliate)
        self.other = other.map { AffiliateID($0) }
        self.message = message
    }

    static func invalidIdentifier(_ id: Int64) -> Self {
        Self(.invalidIdentifier, id, "affiliate id \(id) is not valid: ids are 1 and up; correct the row")
    }

    static func duplicateIdentifier(_ id: Int64) -> Self {
        Self(.duplicateIdentifier, id, "affiliate \(id) is already in this partition; remove the second row")
    }

    static func unknownAffiliate(_ id: Int64) -> Self {
        Self(.unknownAffiliate, id, "affiliate \(id) is not in this partition; ask the shard that has it")
    }

    static func orphan(_ id: Int64, parent: Int64) -> Self {
        Self(
            .orphan, id, other: parent,
            "affiliate \(id) names parent \(parent), which is not in this partition; add the parent or correct the row")
    }

    static func cycle(_ id: Int64) -> Self {
        Self(.cycle, id, "affiliate \(id) is its own ancestor; correct a parent on that cycle")
    }

    static func tooManyAffiliates(_ id: Int64) -> Self {
        Self(
            .tooManyAffiliates, id,
            "affiliate \(id) does not fit: a partition holds at most \(Forest.affiliatesMax); place its tree on another shard")
    }

    static func overlayFull(_ id: Int64) -> Self {
        Self(
            .overlayFull, id,
            "affiliate \(id) cannot join: \(OverlayPolicy.entriesMax) joins wait to be folded in; rebuild the partition first")
    }

    static func profileFieldTooLong(id: Int64, bytes: Int) -> Self {
        Self(
            .profileFieldTooLong, id,
            "a profile field of affiliate \(id) has \(bytes) bytes, more than \(ProfileArena.fieldBytesMax); shorten it")
    }

    static func profilesTooLarge(id: Int64) -> Self {
        Self(
            .profilesTooLarge, id,
            "the profile of affiliate \(id) does not fit: a partition holds 16 GiB of profiles; place its tree on another shard")
    }

    static func cursorExpired(_ cursor: PageCursor) -> Self {
        Self(
            .cursorExpired, cursor.id.rawValue, other: cursor.parent.rawValue,
            "the page cursor stood after affiliate \(cursor.id) under \(cursor.parent), which has left this network; "
                + "start again from the first page")
    }
}
