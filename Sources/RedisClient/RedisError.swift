/// What went wrong between us and Redis. No field ever holds a password.
package struct RedisError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// Nobody listens, the host is silent, or the server is still loading its data.
        case cannotConnect
        /// The server refused the user, the password or the database: trying again will not help.
        case accessRefused
        /// The connection ended. What the command did is unknown unless it was a read.
        case connectionLost
        /// The command's time was over. The connection is closed, since its answer could still come; what the command did is
        /// unknown unless it was a read.
        case timedOut
        /// The server answered with an error; `serverCode` tells which.
        case server
        /// The answer is larger than the configuration allows; the connection is closed.
        case replyTooLarge
        /// What the server sent is not Redis' protocol; the connection is closed.
        case protocolViolation
        /// The call itself is wrong: no arguments, a bad URL, a closed connection.
        case usage
        /// The reply is of another kind than what was asked for.
        case value
    }

    package let code: Code
    package let message: String
    /// The first word of the server's error: `WRONGTYPE`, `NOSCRIPT`, `NOGROUP`, …
    package let serverCode: String?

    package init(_ code: Code, _ message: String, serverCode: String? = nil) {
        self.code = code
        self.message = message
        self.serverCode = serverCode
    }

    /// Whether there was no connection, or there is none any more: `reconnect()` before the next command.
    package var isConnectionFailure: Bool {
        switch code {
        case .cannotConnect, .accessRefused, .connectionLost, .timedOut, .replyTooLarge, .protocolViolation: true
        case .server, .usage, .value: false
        }
    }

    package var description: String { "Redis, \(code.rawValue): \(message)" }
}
