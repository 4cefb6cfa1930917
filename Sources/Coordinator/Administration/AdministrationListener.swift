import Logging

/// Has operators answered as soon as that can be: a port that is taken and certificates that do not fit are tried again and again, beside what the
/// coordinator does, which waits for none of it.
final class AdministrationListener: Sendable {
    private let attempts: Task<AdministrationServer?, Never>
    private let logger: Logger

    /// Between two attempts.
    private static let attemptInterval = Duration.seconds(2)
    /// The same trouble is told of so often.
    private static let warningInterval = Duration.seconds(60)

    /// Begins to try.
    init(_ configuration: AdministrationConfiguration, databaseURL: String, logger: Logger) {
        self.logger = logger
        attempts = Task { await Self.start(configuration, databaseURL: databaseURL, logger: logger) }
    }

    /// Tries no more; what is under way is answered.
    func shutDown() async {
        attempts.cancel()
        await attempts.value?.shutDown(logger: logger)
    }

    /// Nil: it was cancelled before operators could be answered.
    private static func start(
        _ configuration: AdministrationConfiguration, databaseURL: String, logger: Logger
    ) async -> AdministrationServer? {
        var told: (reason: String, at: ContinuousClock.Instant)?
        while !Task.isCancelled {
            do {
                return try await AdministrationServer.start(configuration, databaseURL: databaseURL, logger: logger)
            } catch {
                let reason = "\(error)"
                if told?.reason != reason || told.map({ ContinuousClock.now - $0.at >= warningInterval }) == true {
                    logger.warning("operators are not answered; it is tried again", metadata: ["reason": "\(reason)"])
                    told = (reason, ContinuousClock.now)
                }
            }
            do { try await Task.sleep(for: attemptInterval) } catch { return nil }
        }
        return nil
    }
}
