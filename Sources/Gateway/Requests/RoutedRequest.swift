import Core
import Frames

/// What the gateway remembers of a request while others work on it; one for each slot, reused.
struct RoutedRequest {
    var route: Route?
    var deadline: MonotonicNanoseconds = 0
    /// The worker that has been asked, unless several have.
    unowned(unsafe) var link: WorkerLink?
    /// The shard that was asked.
    var shard = ShardID(rawValue: 0)
    /// The change that the shard must have reached before it answers.
    var sequence: ChangeSequence = 0
    /// The epoch of the route by which it was sent.
    var epoch = Epoch(0)
    /// When it was first parked; 0: never.
    var parkedSince: MonotonicNanoseconds = 0
    /// Whether it waits for its shard's new owner now.
    var isParked = false
    /// How often the request has been sent, since it was parked if it has been.
    var attempts: UInt8 = 0
    /// Whether a lost answer leaves open what has happened.
    var changesSomething = false
    /// What the answer to a change in the ledger may take, which is kept free for it.
    var answerBytesDue: Int32 = 0
    /// Whether `gatherings` or `orders` hold something for it.
    var hasSideTable = false

    /// A request is sent again when the affiliate or its shard has moved meanwhile, so often at a stretch and no more.
    static let attemptsMax: UInt8 = 8
}

/// A change that a request asks for, out of its body; kept until the answer, as it may have to be sent again.
enum Order {
    case join(JoinOrder)
    case setStatus(StatusOrder)
    case move(MoveOrder)
    /// The move is committed; its target shard is catching up.
    case moved(MoveOrder, MoveReceipt)
}
