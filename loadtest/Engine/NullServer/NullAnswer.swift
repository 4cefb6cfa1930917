/// What a `NullServer` does with a request.
package enum NullAnswer: Sendable {
    /// Answers at once with the server's body.
    case status(Int)
    /// Never answers.
    case silence
    /// RST_STREAM with this code.
    case reset(UInt32)
    /// GOAWAY: this request and later ones are not processed, earlier ones are answered.
    case goAway
    /// Closes the connection.
    case close
    /// Reads and writes nothing for so long, then answers with 200: as a process that is stopped.
    case stall(milliseconds: Int)
}

/// A request as a `NullServer` sees it.
package struct NullRequest: Sendable {
    /// From 0, over all connections.
    package let number: Int
    /// From 0, in the order in which they were accepted.
    package let connection: Int
    package let path: String
}
