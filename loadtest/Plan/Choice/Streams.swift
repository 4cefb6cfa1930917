/// What random numbers are drawn for: each purpose has a stream of its own, so that a change of one leaves the others as they are.
enum Streams {
    /// A request's operation and affiliate.
    static let request: UInt64 = 0
    /// The order of ranks.
    static let deal: UInt64 = 1
    /// Planned times, by stage.
    static let arrivals: UInt64 = 2
    /// The items of a request of transactions: this and the following.
    static let items: UInt64 = 1 << 32
}
