import Core
import Foundation
import Frames

/// What is wrong with the body of a request that changes something.
struct BodyError: Error {
    /// The field, or nil when the body as a whole is not what it should be.
    var field: String?
    var detail: String
}

/// Reads the JSON bodies of changes and checks every field.
enum ChangeBodies {
    /// Longest body of one change, bytes.
    static let bytesMax = 64 << 10
    static let reasonCharactersMax = 1000

    /// A JSON number within Int64. Foundation names no field when a number has a fraction or does not fit.
    struct WholeNumber: Decodable {
        var value: Int64

        init(from decoder: any Decoder) throws {
            do {
                value = try decoder.singleValueContainer().decode(Int64.self)
            } catch {
                let context = DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "", underlyingError: error)
                throw DecodingError.typeMismatch(Int64.self, context)
            }
        }
    }

    private struct JoinFields: Decodable {
        var affiliate_id: WholeNumber?
        var parent_affiliate_id: WholeNumber?
        var external_id: String?
        var referral_code: String?
        var name: String?
        var email: String?
        var phone: String?
        var document: String?
        var category: String?
        var status: String?
        var registration_date: String?
    }

    private struct StatusFields: Decodable {
        var status: String?
    }

    private struct MoveFields: Decodable {
        var newParent: Int64?
        var namesNewParent: Bool
        var reason: String?

        enum CodingKeys: String, CodingKey { case new_parent_affiliate_id, reason }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            namesNewParent = fields.contains(.new_parent_affiliate_id)
            newParent = try fields.decodeIfPresent(WholeNumber.self, forKey: .new_parent_affiliate_id)?.value
            reason = try fields.decodeIfPresent(String.self, forKey: .reason)
        }
    }

    /// - Parameter nowMicroseconds: the registration date of one who names none.
    static func join(_ body: UnsafeRawBufferPointer, origin: ChangeOrigin, nowMicroseconds: Int64) throws(BodyError) -> JoinOrder
    {
        let fields = try decode(JoinFields.self, body)
        let id = try number(fields.affiliate_id?.value, "affiliate_id")
        let parent = try number(fields.parent_affiliate_id?.value, "parent_affiliate_id")
        guard
            let externalID = try text(fields.external_id, "external_id", charactersMax: AffiliateProfile.externalIDCharactersMax)
        else {
            throw BodyError(field: "external_id", detail: "external_id is required")
        }
        guard let name = try text(fields.name, "name", charactersMax: AffiliateProfile.nameCharactersMax) else {
            throw BodyError(field: "name", detail: "name is required")
        }
        var registration = nowMicroseconds
        if let date = fields.registration_date {
            guard let moment = Timestamp.parse(date.utf8) else {
                throw BodyError(
                    field: "registration_date", detail: "registration_date must be a date and time as in 2026-01-31T12:00:00Z")
            }
            registration = moment
        }
        return JoinOrder(
            origin: origin, sequence: 0, affiliate: id, parent: parent, status: try status(fields.status) ?? .active,
            profile: AffiliateProfile(
                externalID: externalID,
                referralCode: try text(
                    fields.referral_code, "referral_code", charactersMax: AffiliateProfile.referralCodeCharactersMax),
                name: name,
                email: try text(fields.email, "email", charactersMax: AffiliateProfile.contactCharactersMax),
                phone: try text(fields.phone, "phone", charactersMax: AffiliateProfile.contactCharactersMax),
                document: try text(fields.document, "document", charactersMax: AffiliateProfile.contactCharactersMax),
                category: try text(fields.category, "category", charactersMax: AffiliateProfile.categoryCharactersMax)
                    ?? AffiliateProfile.defaultCategory,
                registrationMicroseconds: registration))
    }

    static func statusChange(_ body: UnsafeRawBufferPointer) throws(BodyError) -> AffiliateStatus {
        guard let status = try status(decode(StatusFields.self, body).status) else {
            throw BodyError(field: "status", detail: "status is required: one of active, inactive, suspended, banned")
        }
        return status
    }

    static func move(_ body: UnsafeRawBufferPointer) throws(BodyError) -> (newParent: AffiliateID?, reason: String) {
        let fields = try decode(MoveFields.self, body)
        guard fields.namesNewParent else {
            throw BodyError(
                field: "new_parent_affiliate_id", detail: "new_parent_affiliate_id is required: a number, or null for no sponsor")
        }
        guard let reason = try text(fields.reason, "reason", charactersMax: reasonCharactersMax) else {
            throw BodyError(field: "reason", detail: "reason is required")
        }
        return (try number(fields.newParent, "new_parent_affiliate_id"), reason)
    }

    // MARK: Fields

    static func decode<T: Decodable>(_ type: T.Type, _ body: UnsafeRawBufferPointer) throws(BodyError) -> T {
        guard body.count <= bytesMax else { throw BodyError(field: nil, detail: "the body is over \(bytesMax) bytes") }
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch DecodingError.typeMismatch(let expected, let context) {
            throw BodyError(
                field: context.codingPath.first?.stringValue, detail: "a value of another type was expected (\(expected))")
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            throw BodyError(field: context.codingPath.first?.stringValue, detail: "the value cannot be represented")
        } catch {
            throw BodyError(field: nil, detail: "the body must be one JSON object")
        }
    }

    static func number(_ value: Int64?, _ field: String) throws(BodyError) -> AffiliateID? {
        guard let value else { return nil }
        guard value > 0 else { throw BodyError(field: field, detail: "\(field) must be a whole number from 1 to \(Int64.max)") }
        return AffiliateID(value)
    }

    private static func status(_ word: String?) throws(BodyError) -> AffiliateStatus? {
        guard let word else { return nil }
        guard let status = AffiliateStatus(name: word) else {
            throw BodyError(field: "status", detail: "status must be one of active, inactive, suspended, banned")
        }
        return status
    }

    /// Nil when absent. Neither empty nor with control characters, which no name needs and PostgreSQL partly refuses.
    static func text(_ value: String?, _ field: String, charactersMax: Int) throws(BodyError) -> String? {
        guard let value else { return nil }
        guard !value.isEmpty, value.unicodeScalars.count <= charactersMax else {
            throw BodyError(field: field, detail: "\(field) must have 1 to \(charactersMax) characters")
        }
        guard value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
            throw BodyError(field: field, detail: "\(field) must not contain control characters")
        }
        return value
    }
}
