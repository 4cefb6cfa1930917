import Core

extension ChangeOrigin {
    init?(from reader: inout FieldReader) {
        guard let actor = reader.text(), let requestID = reader.optionalText() else { return nil }
        self.init(actor: actor, requestID: requestID)
    }

    func write(to frame: ByteBuilder) {
        frame.appendText(actor)
        frame.appendOptionalText(requestID)
    }
}

/// A new affiliate.
package struct JoinOrder: Equatable, Sendable {
    package var origin: ChangeOrigin
    /// The shard's last change when PostgreSQL was asked where the sponsor is, 0 if it was not. Tells the order's age; PostgreSQL itself
    /// checks every order against what is committed.
    package var sequence: ChangeSequence
    /// Chosen by the caller, or nil for the next free number.
    package var affiliate: AffiliateID?
    /// The sponsor, or nil for a root.
    package var parent: AffiliateID?
    package var status: AffiliateStatus
    package var profile: AffiliateProfile

    package init(
        origin: ChangeOrigin, sequence: ChangeSequence, affiliate: AffiliateID?, parent: AffiliateID?, status: AffiliateStatus,
        profile: AffiliateProfile
    ) {
        self.origin = origin
        self.sequence = sequence
        self.affiliate = affiliate
        self.parent = parent
        self.status = status
        self.profile = profile
    }

    package init?(from reader: inout FieldReader) {
        guard let origin = ChangeOrigin(from: &reader), let sequence = reader.integer(Int64.self),
            let id = reader.integer(Int64.self), let parent = reader.integer(Int64.self),
            let status = reader.integer(UInt8.self).flatMap(AffiliateStatus.init(rawValue:)),
            let externalID = reader.text(), let referralCode = reader.optionalText(), let name = reader.text(),
            let email = reader.optionalText(), let phone = reader.optionalText(), let document = reader.optionalText(),
            let category = reader.text(), let registration = reader.integer(Int64.self)
        else { return nil }
        self.init(
            origin: origin, sequence: sequence, affiliate: id == 0 ? nil : AffiliateID(id),
            parent: parent == 0 ? nil : AffiliateID(parent),
            status: status,
            profile: AffiliateProfile(
                externalID: externalID, referralCode: referralCode, name: name, email: email, phone: phone, document: document,
                category: category, registrationMicroseconds: registration))
    }

    package func write(to frame: ByteBuilder) {
        origin.write(to: frame)
        frame.appendInteger(sequence)
        frame.appendInteger(affiliate?.rawValue ?? 0)
        frame.appendInteger(parent?.rawValue ?? 0)
        frame.append(status.rawValue)
        frame.appendText(profile.externalID)
        frame.appendOptionalText(profile.referralCode)
        frame.appendText(profile.name)
        frame.appendOptionalText(profile.email)
        frame.appendOptionalText(profile.phone)
        frame.appendOptionalText(profile.document)
        frame.appendText(profile.category)
        frame.appendInteger(profile.registrationMicroseconds)
    }
}

/// A new status for one affiliate.
package struct StatusOrder: Equatable, Sendable {
    package var origin: ChangeOrigin
    package var about: AffiliateQuestion
    package var status: AffiliateStatus

    package init(origin: ChangeOrigin, about: AffiliateQuestion, status: AffiliateStatus) {
        self.origin = origin
        self.about = about
        self.status = status
    }

    package init?(from reader: inout FieldReader) {
        guard let origin = ChangeOrigin(from: &reader), let about = AffiliateQuestion(from: &reader),
            let status = reader.integer(UInt8.self).flatMap(AffiliateStatus.init(rawValue:))
        else { return nil }
        self.init(origin: origin, about: about, status: status)
    }

    package func write(to frame: ByteBuilder) {
        origin.write(to: frame)
        about.write(to: frame)
        frame.append(status.rawValue)
    }
}

/// A new sponsor for an affiliate and everyone below.
package struct MoveOrder: Equatable, Sendable {
    package var origin: ChangeOrigin
    package var about: AffiliateQuestion
    /// Nil makes the affiliate a root.
    package var newParent: AffiliateID?
    package var reason: String

    package init(origin: ChangeOrigin, about: AffiliateQuestion, newParent: AffiliateID?, reason: String) {
        self.origin = origin
        self.about = about
        self.newParent = newParent
        self.reason = reason
    }

    package init?(from reader: inout FieldReader) {
        guard let origin = ChangeOrigin(from: &reader), let about = AffiliateQuestion(from: &reader),
            let parent = reader.integer(Int64.self), let reason = reader.text()
        else { return nil }
        self.init(origin: origin, about: about, newParent: parent == 0 ? nil : AffiliateID(parent), reason: reason)
    }

    package func write(to frame: ByteBuilder) {
        origin.write(to: frame)
        about.write(to: frame)
        frame.appendInteger(newParent?.rawValue ?? 0)
        frame.appendText(reason)
    }
}

/// What a committed move did. The gateway lets the target shard catch up to `targetSequence` before it answers its caller.
package struct MoveReceipt: Equatable, Sendable {
    package var targetShard: UInt16
    package var targetSequence: ChangeSequence
    /// The sponsor before; 0 for a root.
    package var oldParent: Int64
    package var movedCount: Int64

    package init(targetShard: UInt16, targetSequence: ChangeSequence, oldParent: Int64, movedCount: Int64) {
        self.targetShard = targetShard
        self.targetSequence = targetSequence
        self.oldParent = oldParent
        self.movedCount = movedCount
    }

    package init?(from reader: inout FieldReader) {
        guard let shard = reader.integer(UInt16.self), let sequence = reader.integer(Int64.self),
            let oldParent = reader.integer(Int64.self), let moved = reader.integer(Int64.self)
        else { return nil }
        self.init(targetShard: shard, targetSequence: sequence, oldParent: oldParent, movedCount: moved)
    }

    package func write(to frame: ByteBuilder) {
        frame.appendInteger(targetShard)
        frame.appendInteger(targetSequence)
        frame.appendInteger(oldParent)
        frame.appendInteger(movedCount)
    }
}
