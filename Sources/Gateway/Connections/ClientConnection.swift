import Core
import NIOCore

/// A client connection as its event loop keeps it: for sweeps, shutdown and counting.
protocol ClientConnection: AnyObject {
    /// Closes what has been idle, slow or silent for too long.
    func sweep(now: MonotonicNanoseconds)
    /// Tells the client to open nothing more here, and closes once all is answered.
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
    /// For a connection on which nothing happens.
    static let idle: MonotonicNanoseconds = 120_000_000_000
}
