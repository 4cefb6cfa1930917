import Core
import NIOCore

/// A client connection as its event loop keeps it: for sweeps, shutdown and counting.
protocol ClientConnection: AnyObject {
    /// Closes what has been idle, slow or silent for too long.
    func sweep(now: MonotonicNanoseconds)
    /// The first time: tells the client to ask nothing more here, and still answers what it asks before it has heard. The second time: closes
    /// once all is answered.
    func shutDown()
}

/// How long a client may take over what. Nanoseconds.
enum ClientPatience {
    /// For a request to arrive and for its answer to be read, while most slots are taken: those who hold them make way for others.
    static let crowded: MonotonicNanoseconds = 2_000_000_000
    /// For the first bytes of a connection.
    static let greeting: MonotonicNanoseconds = 10_000_000_000
    /// For one request to arrive whole.
    static let request: MonotonicNanoseconds = 15_000_000_000
    /// For a client that does not read its answers.
    static let slowReader: MonotonicNanoseconds = 20_000_000_000
    /// For the rest of a request that has been refused: it is read and thrown away.
    static let farewell: MonotonicNanoseconds = 2_000_000_000
    /// For a client that has been told to go to stop asking.
    static let notice: MonotonicNanoseconds = 250_000_000
    /// For a connection on which nothing happens.
    static let idle: MonotonicNanoseconds = 120_000_000_000
}
