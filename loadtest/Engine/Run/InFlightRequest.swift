import Core

/// A request from its planned time to its end.
struct InFlightRequest {
    enum State: UInt8 {
        case free
        /// Due, and no connection has a stream for it.
        case waiting
        /// Given to a connection, not yet written.
        case submitted
        case sent
    }

    var planned: MonotonicNanoseconds = 0
    var sent: MonotonicNanoseconds = 0
    /// Since when it waits for a stream; 0: it does not.
    var waitsSince: MonotonicNanoseconds = 0
    /// How long it has waited for a stream.
    var waited: UInt64 = 0
    var number = 0
    var connection: Unmanaged<LoadConnection>?
    /// Its neighbours in the order of planned times; -1: none.
    var previous: Int32 = -1
    var next: Int32 = -1
    var operation: Int32 = 0
    /// -1: about none.
    var shard: Int32 = -1
    /// -1: in the warm-up.
    var window: Int32 = -1
    var stream: Int32 = 0
    /// The buffer with its body, and how much of that is sent; -1: it has none.
    var upload: Int32 = -1
    var uploadAt: Int32 = 0
    /// The buffer with its answer's body; -1: nobody wants it.
    var answer: Int32 = -1
    /// Of body received.
    var bytes: UInt32 = 0
    var status: UInt16 = 0
    var state = State.free
    /// The answer is complete.
    var isEnded = false
}
