import Core

/// What follows from a duty's state alone.
extension ShardDuty {
    /// Whether a request for this shard is a sign that its move has gone on: somebody has been told to come here.
    package var shouldLookWhenAsked: Bool { if case .following(let target) = state { !target.isCommitted } else { false } }

    /// The move whose row this worker has to read, until it has ended.
    package var activeMove: MoveID? {
        switch state {
        case .handingOff(_, let source): source.move.id
        case .following(let target): target.move.id
        default: nil
        }
    }

    /// The epoch at which the shard is ours, served or not.
    package var ownEpoch: Epoch? {
        switch state {
        case .loading(let epoch), .refreshing(let epoch), .serving(let epoch), .handingOff(let epoch, _): epoch
        case .following(let target): target.isCommitted ? target.move.nextEpoch : nil
        case .idle, .warm: nil
        }
    }
}
