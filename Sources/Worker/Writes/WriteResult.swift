import Core
import Frames
import PostgresClient
import Store

/// What came back from PostgreSQL for one job of a shard.
enum WriteResult: Sendable {
    case join(JoinOutcome)
    case setStatus(StatusOutcome)
    case move(MoveOutcome)
    case caughtUp(CatchUp)
    /// The caller had stopped waiting before it could begin.
    case expired
    /// PostgreSQL has said no, or could not be asked: nothing was written.
    case refused(String)
    /// The connection broke after the statement was sent: what is committed is not known yet.
    case unknown(String)

    /// Carries out a job's statement. A conflict between transactions has written nothing and is tried again.
    static func perform(
        _ kind: ShardJob.Kind, _ fence: WriteFence, applied: ChangeSequence, on connection: PostgresConnection
    ) throws -> WriteResult {
        try retryingConflicts { try performOnce(kind, fence, applied, connection) }
    }

    private static func performOnce(
        _ kind: ShardJob.Kind, _ fence: WriteFence, _ applied: ChangeSequence, _ connection: PostgresConnection
    ) throws -> WriteResult {
        let patience = DatabasePatience.writeMilliseconds
        switch kind {
        case .join(let order):
            let request = JoinRequest(
                fence: fence, parent: order.parent, affiliateID: order.affiliate, profile: order.profile, status: order.status,
                origin: order.origin)
            return .join(try HierarchyWrites.join(request, on: connection, timeoutMilliseconds: patience))
        case .setStatus(let order):
            let request = StatusRequest(
                fence: fence, affiliateID: order.about.affiliate, status: order.status, origin: order.origin)
            return .setStatus(try HierarchyWrites.setStatus(request, on: connection, timeoutMilliseconds: patience))
        case .move(let order):
            let request = MoveRequest(
                fence: fence, affiliateID: order.about.affiliate, newParent: order.newParent, reason: order.reason,
                origin: order.origin)
            return .move(
                try HierarchyWrites.move(request, on: connection, timeoutMilliseconds: DatabasePatience.loadMilliseconds))
        case .catchUp: return .caughtUp(try CatchUp.read(fence.shard, after: applied, on: connection))
        }
    }

    /// What an error means for the write: not written, or not known.
    init(_ error: any Error) {
        guard let error = error as? PostgresError else {
            self = .refused("\(error)")
            return
        }
        switch error.code {
        case .connectionLost, .timedOut, .cancelled: self = .unknown("\(error)")
        case .cannotConnect, .accessRefused, .server, .usage, .value, .queueFull, .shutDown: self = .refused("\(error)")
        }
    }
}
