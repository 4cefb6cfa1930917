import PostgresClient

/// What a caller is told when PostgreSQL could not answer.
enum LedgerFailure {
    /// - Parameter isCounting: whether it was asked to count what it had to go through.
    static func problem(of error: any Error, isChange: Bool, isCounting: Bool = false) -> Problem {
        guard let error = error as? PostgresError else { return .internalError }
        switch error.code {
        case .queueFull: return .overloaded
        case .cannotConnect, .accessRefused, .shutDown: return .databaseUnavailable
        case .connectionLost: return isChange ? .outcomeUnknown : .databaseUnavailable
        case .timedOut where isCounting && error.sqlState == "57014", .cancelled where isCounting && error.sqlState == "57014":
            return .tooMuchToCount
        case .timedOut, .cancelled:
            // With a state the server has said that it was cancelled, and so rolled back.
            return isChange && error.sqlState == nil ? .outcomeUnknown : .databaseUnavailable
        case .server:
            // Full, shutting down, or read-only: the server's own trouble, and nothing was written.
            let classes = ["53", "57", "25"]
            let isServersTrouble = error.sqlState.map { state in classes.contains { state.hasPrefix($0) } } ?? false
            return error.isTransactionConflict ? .overloaded : isServersTrouble ? .databaseUnavailable : .internalError
        case .usage, .value: return .internalError
        }
    }
}
