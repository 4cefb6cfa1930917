import JobQueue
import PostgresClient
import Store

/// Whether the jobs are to blame for an error of a payment, or what is around them.
///
/// Only what speaks of a job's own data may count as its failure: whoever waits for somebody's lock, or has lost PostgreSQL, would be a dead
/// letter otherwise, with nothing wrong with it.
enum PaymentFault {
    /// SQLSTATE classes that speak of the server, the session, or how both are set up: connection, feature, transaction state, access, catalog,
    /// schema, permissions and missing tables (our SQL is the same for every job), resources, object state, operator, system, configuration.
    private static let serverClasses: Set<String> = ["08", "0A", "25", "28", "3D", "3F", "42", "53", "55", "57", "58", "F0"]
    /// Somebody holds what the transaction needs: lock_not_available, query_canceled (by time), serialization_failure, deadlock_detected.
    private static let contentionStates: Set<String> = ["55P03", "57014", "40001", "40P01"]

    /// What a handler is to throw for it.
    static func explained(_ error: any Error) -> any Error {
        switch error {
        case let error as PostgresError: explained(error)
        case let error as LedgerError: JobFailure(JobCause(error.code.rawValue), error.message)
        // The plans of all.
        case let error as PlanStoreError: HandlerUnavailable("\(error)")
        case let error as StoreError where error.code == .tooMany: HandlerUnavailable("\(error)", reach: .someJobs)
        case let error as StoreError: JobFailure(JobCause("unexpected_answer"), error.message)
        default: error
        }
    }

    private static func explained(_ error: PostgresError) -> any Error {
        switch error.code {
        case .timedOut, .cancelled: return HandlerUnavailable("\(error)", reach: .someJobs)
        case .cannotConnect, .accessRefused, .connectionLost, .queueFull, .shutDown: return HandlerUnavailable("\(error)")
        case .usage, .value: return JobFailure(JobCause("database_error"), "\(error)")
        case .server: break
        }
        guard let state = error.sqlState else { return HandlerUnavailable("\(error)") }
        if contentionStates.contains(state) { return HandlerUnavailable("\(error)", reach: .someJobs) }
        if serverClasses.contains(String(state.prefix(2))) { return HandlerUnavailable("\(error)") }
        return JobFailure(JobCause(error.isDataError ? "refused_by_database" : "database_error"), "\(error)")
    }
}
