/// What went wrong between us and PostgreSQL.
///
/// `message` says what is wrong and, where we know it, what to do next. No field ever holds a password.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// No session could be opened: nobody listens, the host is silent, the server is starting up or full.
        case cannotConnect
        /// The server refused the user, the password or the database: trying again will not help.
        case accessRefused
        /// The session ended while it was in use. What the running statement did is unknown unless it was a read.
        case connectionLost
        /// The call's time was over; the statement was cancelled on the server.
        case timedOut
        /// The statement was cancelled from outside: by a cancel handle, an operator or the server's own statement_timeout.
        case cancelled
        /// The server answered with an error; `sqlState` tells which.
        case server
        /// The call itself is wrong: a NUL in a text, a nested transaction, a COPY given to `execute`, a used connection.
        case usage
        /// A value in a result cannot be read as what was asked for.
        case value
        /// The pool already holds as many waiting jobs as it may.
        case queueFull
        /// The pool is shut down.
        case shutDown
    }

    package let code: Code
    package let message: String
    /// The five-character SQLSTATE, when the server gave one.
    package let sqlState: String?
    package let detail: String?
    package let hint: String?
    package let constraint: String?
    package let schema: String?
    package let table: String?
    package let column: String?
    /// In a pipeline: the number of the statement that failed, from 0.
    package var statementIndex: Int?

    package init(
        _ code: Code, _ message: String, sqlState: String? = nil, detail: String? = nil, hint: String? = nil,
        constraint: String? = nil, schema: String? = nil, table: String? = nil, column: String? = nil,
        statementIndex: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.schema = schema
        self.table = table
        self.column = column
        self.statementIndex = statementIndex
    }

    /// Whether there was no session, or there is none any more: the caller needs another connection.
    package var isConnectionFailure: Bool {
        switch code {
        case .cannotConnect, .accessRefused, .connectionLost: true
        case .timedOut, .cancelled, .server, .usage, .value, .queueFull, .shutDown: false
        }
    }

    /// Whether the same transaction, run again from its start, may succeed: a serialization failure or a deadlock.
    package var isTransactionConflict: Bool { sqlState == "40001" || sqlState == "40P01" }

    /// Whether the server refuses the data itself: out of range, not of the type, against a constraint.
    package var isDataError: Bool { sqlState.map { $0.hasPrefix("22") || $0.hasPrefix("23") } ?? false }

    package var description: String {
        var text = "PostgreSQL, \(code.rawValue)"
        if let sqlState { text += " [\(sqlState)]" }
        if let statementIndex { text += " (statement \(statementIndex) of the pipeline)" }
        text += ": \(message)"
        if let detail { text += "; detail: \(detail)" }
        if let hint { text += "; hint: \(hint)" }
        if let constraint { text += "; constraint: \(constraint)" }
        return text
    }
}
