import Core

/// What a caller asks a gateway, and a gateway a worker.
struct Request {
    enum Kind {
        case read
        case write(WriteKind, key: Int)
        case transaction(UInt64, key: Int)

        var changesSomething: Bool { if case .read = self { false } else { true } }
    }

    var kind: Kind
    var shard: Int
    /// The last change of the shard that anybody had seen when this was asked: an answer must not be older.
    var floor: ChangeSequence
}

/// How a worker answers.
enum Reply {
    case read(ChangeSequence, Members)
    case done(ChangeSequence)
    case accepted
    case moved(to: WorkerInstanceID, Epoch)
    case notYet
    case notOwner
    /// Refused: nothing was written.
    case refused
    /// Not refused for any fault of the cluster: the change makes no sense any more.
    case senseless
    case unknown
}

/// Where a reply goes.
typealias Answering = (Reply) -> Void
