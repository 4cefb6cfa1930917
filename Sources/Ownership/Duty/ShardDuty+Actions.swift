/// What the two sides of a hand-off want done, as their shard's duty says it.
extension ShardDuty.Action {
    init(_ action: HandoffSource.Action, _ move: MoveID) {
        self =
            switch action {
            case .holdWideWrites: .holdWideWrites
            case .holdWrites: .holdWrites
            case .measure(let sequence): .measure(sequence)
            case .stopReads: .stopReads
            case .resumeReads: .resumeReads
            case .write(let write): .write(move, write)
            }
    }

    init(_ action: HandoffTarget.Action, _ move: MoveID) {
        self =
            switch action {
            case .load: .load
            case .follow(let sequence): .follow(to: sequence)
            case .measure(let sequence): .measure(sequence)
            case .write(let write): .write(move, write)
            }
    }
}
