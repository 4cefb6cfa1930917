import Administration
import ClusterTLS
import Commission
import PlanFiles
import PostgresClient
import RedisClient
import Store

extension CommandError {
    /// The exit status and the one line for an error from a lower floor.
    static func explaining(_ error: any Error) -> CommandError {
        switch error {
        case let error as CommandError: error
        case let error as AdministrationFault: CommandError(error.code.exitStatus, oneLine(error.description))
        case let error as PostgresError: explaining(error)
        case let error as SchemaError: explaining(error)
        case let error as ImportError: CommandError(error.exitStatus, error.message)
        case let error as RedisError: explaining(error)
        case let error as MendingError: CommandError(.alreadyRunning, error.message)
        case let error as PlanFileError: CommandError(.inputRefused, error.description)
        case let error as PlanError: CommandError(.inputRefused, error.description)
        case let error as PlanStoreError: explaining(error)
        case let error as ClusterTLSError: explaining(error)
        default: CommandError(.processFailed, "\(error)")
        }
    }

    private static func explaining(_ error: PostgresError) -> CommandError {
        switch error.code {
        case .cannotConnect:
            CommandError(
                .serverUnavailable,
                "\(oneLine(error.message)); check that it runs and that DATABASE_URL or --data-dir names it")
        case .accessRefused:
            CommandError(.accessDenied, "\(oneLine(error.message)); check the user, password and database in DATABASE_URL")
        case .connectionLost, .shutDown, .queueFull: CommandError(.serverUnavailable, oneLine(error.description))
        case .usage: CommandError(.configuration, oneLine(error.message))
        case .timedOut, .cancelled, .server, .value: CommandError(.processFailed, oneLine(error.description))
        }
    }

    private static func explaining(_ error: RedisError) -> CommandError {
        switch error.code {
        case .cannotConnect:
            CommandError(
                .serverUnavailable,
                "\(oneLine(error.message)); check that it runs and that REDIS_URL, --redis-url or --data-dir names it")
        case .accessRefused: CommandError(.accessDenied, "\(oneLine(error.message)); check the user and password in REDIS_URL")
        case .connectionLost, .timedOut: CommandError(.serverUnavailable, oneLine(error.description))
        case .usage: CommandError(.configuration, oneLine(error.message))
        case .server, .replyTooLarge, .protocolViolation, .value: CommandError(.processFailed, oneLine(error.description))
        }
    }

    private static func explaining(_ error: PlanStoreError) -> CommandError {
        switch error.code {
        case .wrongCurrency, .wrongVersion: CommandError(.inputRefused, error.message)
        case .unreadable: CommandError(.processFailed, error.message)
        }
    }

    private static func explaining(_ error: SchemaError) -> CommandError {
        switch error.code {
        case .notCurrent, .newerDatabase, .checksumMismatch: CommandError(.schemaMismatch, error.message)
        case .busy, .migrationFailed: CommandError(.processFailed, oneLine(error.message))
        case .serving: CommandError(.alreadyRunning, error.message)
        case .holdsData: CommandError(.usage, "\(error.message); if it may go, add --yes")
        case .unknownVersion: CommandError(.usage, error.message)
        }
    }

    private static func explaining(_ error: ClusterTLSError) -> CommandError {
        switch error.code {
        case .badName, .badHost, .badLifetime: CommandError(.usage, error.message)
        case .exists, .file: CommandError(.fileRefused, error.message)
        case .unreadable, .unfit: CommandError(.inputRefused, error.message)
        case .missing: CommandError(.configuration, error.message)
        case .library: CommandError(.processFailed, error.message)
        }
    }

    /// libpq's messages come in several lines.
    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    }
}

extension AdministrationFault.Code {
    /// The same whether a command has PostgreSQL asked, or a coordinator.
    fileprivate var exitStatus: ExitStatus {
        switch self {
        case .unknownPlan: .negative
        case .refused: .refused
        case .unknownShard, .unknownWorker, .invalidField: .usage
        case .unauthorized, .foreignOrigin, .peerRefused: .accessDenied
        case .unreachable, .overloaded, .databaseUnavailable, .shuttingDown, .outcomeUnknown, .deadlineExceeded,
            .requestTimedOut:
            .serverUnavailable
        case .misconfigured, .notFound: .configuration
        case .malformedRequest, .methodNotAllowed, .bodyTooLarge, .unsupportedMediaType, .headersTooLarge, .internalError,
            .notUnderstood:
            .processFailed
        }
    }
}
