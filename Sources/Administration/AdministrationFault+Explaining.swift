import PostgresClient

extension AdministrationFault {
    /// The fault for an error from a lower floor, as a coordinator tells it. What PostgreSQL says goes into the log and not to the asker.
    /// - Parameter isChange: whether something was to be changed.
    package static func explaining(_ error: any Error, isChange: Bool) -> AdministrationFault {
        switch error {
        case let error as AdministrationFault: error
        case let error as PostgresError: explaining(error, isChange: isChange)
        case is CancellationError: AdministrationFault(.deadlineExceeded, "it took too long and was given up")
        default: AdministrationFault(.internalError, "the coordinator's log says why")
        }
    }

    private static func explaining(_ error: PostgresError, isChange: Bool) -> AdministrationFault {
        switch error.code {
        case .cannotConnect, .accessRefused, .shutDown:
            AdministrationFault(.databaseUnavailable, "PostgreSQL does not answer the coordinator; its log says why")
        case .connectionLost:
            isChange
                ? AdministrationFault(
                    .outcomeUnknown, "PostgreSQL went away meanwhile; look whether it was done before asking again")
                : AdministrationFault(.databaseUnavailable, "PostgreSQL went away meanwhile; ask again")
        case .queueFull: AdministrationFault(.overloaded, "too many requests wait for PostgreSQL; ask again")
        case .timedOut, .cancelled:
            // It may have been done just before it was given up.
            isChange
                ? AdministrationFault(
                    .outcomeUnknown, "PostgreSQL took too long; look whether it was done before asking again")
                : AdministrationFault(.deadlineExceeded, "PostgreSQL took too long, and the statement was given up")
        case .server, .usage, .value: AdministrationFault(.internalError, "the coordinator's log says why")
        }
    }
}
