import Administration
import Core
import Logging
import PostgresClient

/// Has operators' requests done, on connections to PostgreSQL of its own: what they cost holds up nothing that a cluster lives by.
final class AdministrationDesk: Sendable {
    private let pool: PostgresPool
    private let logger: Logger

    init(databaseURL: String, limits: AdministrationLimits, logger: Logger) throws {
        pool = try PostgresPool(
            configuration: PostgresConfiguration(
                url: databaseURL, applicationName: "fature coordinator administration",
                connectTimeoutMilliseconds: AdministrationLimits.databaseWaitMilliseconds,
                statementTimeoutMilliseconds: AdministrationLimits.statementMilliseconds),
            connections: AdministrationLimits.databaseConnections, pendingMax: limits.requestsAtWorkMax,
            connectWaitMilliseconds: AdministrationLimits.databaseWaitMilliseconds)
        self.logger = logger
    }

    /// Never throws: whatever goes wrong is an answer too. Cancelling the task gives the statement up.
    func answer(to call: AdministrationCall, of origin: ChangeOrigin) async -> AdministrationAnswer {
        let requestID = origin.requestID ?? ""
        do {
            let answer = try await pool.withConnection { connection in
                try AdministrationAnswer(to: call, by: DatabaseAdministration(connection, origin: origin))
            }
            if call.isChange { tell(call, origin, status: answer.status) }
            return answer
        } catch {
            let fault = AdministrationFault.explaining(error, isChange: call.isChange)
            if call.isChange { tell(call, origin, status: fault.code.status) }
            if fault.code.status >= 500 {
                logger.warning(
                    "an operator's request failed",
                    metadata: ["target": "\(call.target)", "request_id": "\(requestID)", "error": "\(error)"])
            }
            return AdministrationAnswer(fault, requestID: requestID)
        }
    }

    func shutdown() async { await pool.shutdown() }

    private func tell(_ call: AdministrationCall, _ origin: ChangeOrigin, status: Int) {
        logger.notice(
            "an operator asked for a change",
            metadata: [
                "target": "\(call.target)", "actor": "\(origin.actor)", "status": "\(status)",
                "request_id": "\(origin.requestID ?? "")",
            ])
    }
}
