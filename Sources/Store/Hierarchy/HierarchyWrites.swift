import Core
import PostgresClient

/// The three writes to the hierarchy, one round trip and one transaction each.
///
/// To be called outside of a transaction, or inside a READ COMMITTED one whose calls all name the same shard. A
/// `PostgresError` with `isTransactionConflict` has written nothing and may be tried again; after a lost connection it is
/// unknown whether the write happened: repeat it, and a join answers `duplicate` with its own number, a move or a status
/// `unchanged`, if it did. Values the tables refuse are not outcomes but `PostgresError`s: an empty external id or category, a
/// referral code over 20 characters, a moment PostgreSQL cannot hold. Callers check them before.
///
/// A move costs about 40 µs for each affiliate of the subtree, and both shards wait meanwhile: no short timeout for a wide one.
package enum HierarchyWrites {
    package static func join(
        _ request: JoinRequest, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> JoinOutcome {
        let profile = request.profile
        let parameters =
            fenceParameters(request.fence) + [
                .optionalInt(request.parent?.rawValue), .optionalInt(request.affiliateID?.rawValue), .text(profile.externalID),
                .optionalText(profile.referralCode), .text(profile.name), .optionalText(profile.email),
                .optionalText(profile.phone),
                .optionalText(profile.document), .text(profile.category), .text(request.status.text),
                .int(profile.registrationMicroseconds), .text(request.origin.actor), .optionalText(request.origin.requestID),
            ]
        let row = try WriteRow(connection.execute(joinSQL, parameters, timeoutMilliseconds: timeoutMilliseconds))
        switch row.outcome {
        case "joined": return .joined(try row.affiliateID(), level: try row.level(), sequence: try row.sequence())
        case "fenced": return .fenced
        case "unknown_parent": return .unknownParent
        case "parent_elsewhere": return .parentElsewhere(try row.shard())
        case "too_deep": return .tooDeep
        case "duplicate_affiliate_id": return .duplicate(.affiliateID, holder: try row.affiliateID(), shard: try row.shard())
        case "duplicate_external_id": return .duplicate(.externalID, holder: try row.affiliateID(), shard: try row.shard())
        case "duplicate_referral_code": return .duplicate(.referralCode, holder: try row.affiliateID(), shard: try row.shard())
        default: throw row.unknownOutcome
        }
    }

    package static func setStatus(
        _ request: StatusRequest, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> StatusOutcome {
        let parameters =
            fenceParameters(request.fence) + [
                .int(request.affiliateID.rawValue), .text(request.status.text), .optionalText(request.reason),
                .text(request.origin.actor), .optionalText(request.origin.requestID),
            ]
        let row = try WriteRow(connection.execute(statusSQL, parameters, timeoutMilliseconds: timeoutMilliseconds))
        switch row.outcome {
        case "changed": return .changed(from: try row.oldStatus(), sequence: try row.sequence())
        case "fenced": return .fenced
        case "unknown_affiliate": return .unknownAffiliate
        case "elsewhere": return .elsewhere(try row.shard())
        case "unchanged": return .unchanged
        default: throw row.unknownOutcome
        }
    }

    package static func move(
        _ request: MoveRequest, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> MoveOutcome {
        let parameters =
            fenceParameters(request.fence) + [
                .int(request.affiliateID.rawValue), .optionalInt(request.newParent?.rawValue), .text(request.reason),
                .text(request.origin.actor), .optionalText(request.origin.requestID),
            ]
        let row = try WriteRow(connection.execute(moveSQL, parameters, timeoutMilliseconds: timeoutMilliseconds))
        switch row.outcome {
        case "moved":
            return .moved(
                MoveOutcome.Move(
                    sequence: try row.sequence(), targetShard: try row.shard(), targetSequence: try row.targetSequence(),
                    affiliatesMoved: try row.affiliatesMoved(), oldParent: try row.oldParent(), level: try row.level()))
        case "fenced": return .fenced
        case "unknown_affiliate": return .unknownAffiliate
        case "elsewhere": return .elsewhere(try row.shard())
        case "unknown_parent": return .unknownParent
        case "cycle": return .cycle
        case "too_deep": return .tooDeep
        case "unchanged": return .unchanged
        default: throw row.unknownOutcome
        }
    }

    private static let joinSQL = """
        SELECT * FROM fature_v2.join_affiliate(
            $1::smallint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text, $8::text, $9::text, $10::text, $11::text,
            $12::text, $13::text, timestamptz 'epoch' + $14::bigint * interval '1 microsecond', $15::text, $16::text)
        """
    private static let statusSQL = """
        SELECT * FROM fature_v2.set_affiliate_status(
            $1::smallint, $2::bigint, $3::bigint, $4::bigint, $5::text, $6::text, $7::text, $8::text)
        """
    private static let moveSQL = """
        SELECT * FROM fature_v2.move_affiliate(
            $1::smallint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text, $8::text)
        """

    private static func fenceParameters(_ fence: WriteFence) -> [PostgresValue] {
        [.int(Int64(fence.shard.rawValue)), .int(fence.owner.rawValue), .int(fence.epoch.rawValue)]
    }
}
