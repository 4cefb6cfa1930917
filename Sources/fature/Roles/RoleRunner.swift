import Foundation
import Logging
import ServiceLifecycle
import Telemetry

/// Runs one role as a process: JSON log on standard output, an orderly end on SIGTERM or Ctrl-C.
enum RoleRunner {
    /// After this an orderly end is cut short.
    static let shutdownSecondsMax = 10

    /// Runs until the service ends or a person asks it to.
    ///
    /// - Throws: why the service failed, with its exit status; the same stands in the log.
    static func run(
        role: String, logLevel: String, stopsOnStandardInputClose: Bool,
        makeService: (Logger, LineWriter) throws -> any Service
    ) async throws {
        let writer = LineWriter(descriptor: STDOUT_FILENO)
        defer { writer.flush() }
        let level = Logger.Level(rawValue: logLevel) ?? .info
        let logger = Logger(label: role) { _ in JSONLogHandler(role: role, level: level, writer: writer) }
        if stopsOnStandardInputClose { StandardInputWatch.start() }
        do {
            let service = try makeService(logger, writer)
            var configuration = ServiceGroupConfiguration(
                services: [
                    .init(
                        service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            configuration.maximumGracefulShutdownDuration = .seconds(shutdownSecondsMax)
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            let explained = CommandError.explaining(error)
            logger.critical("\(explained.message)", metadata: ["exit_status": "\(explained.status.rawValue)"])
            throw CommandError.alreadyExplained(explained.status)
        }
    }
}
