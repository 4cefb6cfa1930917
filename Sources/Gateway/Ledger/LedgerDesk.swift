import Core
import Logging
import PostgresClient
import Store
import Synchronization

/// Where gateways meet the ledger in PostgreSQL: reads and operators' changes, on connections of their own, so that neither waits for look-ups
/// or for each other.
final class LedgerDesk: Sendable {
    private struct Rankings {
        var shelf = RankingShelf()
        /// Who waits for a ranking, by metric.
        var waiting: [TotalsMetric: [@Sendable (Result<[LedgerRanking.Line], any Error>) -> Void]] = [:]
    }

    private let reads: PostgresPool
    private let writes: PostgresPool
    private let logger: Logger
    private let rankings = Mutex(Rankings())
    private let readsCount = Atomic<Int>(0)
    private let writesCount = Atomic<Int>(0)

    private static let readConnections = 4
    private static let writeConnections = 2
    /// Questions that wait for a connection; more are refused with 503.
    private static let readsPendingMax = 512
    private static let writesPendingMax = 128
    private static let connectWaitMilliseconds = 500
    private static let reconnectMillisecondsMax = 250
    private static let connectMillisecondsMax = 1500
    /// A ranking goes through everyone's totals. Who asks for it gives up before that, and finds it when he asks again.
    private static let rankingMillisecondsMax = 15_000

    init(databaseURL: String, logger: Logger) throws {
        self.logger = logger
        func database(_ purpose: String) throws -> PostgresConfiguration {
            try PostgresConfiguration(
                url: databaseURL, applicationName: "fature gateway \(purpose)",
                connectTimeoutMilliseconds: Self.connectMillisecondsMax,
                statementTimeoutMilliseconds: LedgerWork.patienceMilliseconds)
        }
        reads = try PostgresPool(
            configuration: database("ledger reads").settings(LedgerSession.readSettings), connections: Self.readConnections,
            pendingMax: Self.readsPendingMax, connectWaitMilliseconds: Self.connectWaitMilliseconds,
            reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        writes = try PostgresPool(
            configuration: database("ledger changes").settings(LedgerSession.settings), connections: Self.writeConnections,
            pendingMax: Self.writesPendingMax, connectWaitMilliseconds: Self.connectWaitMilliseconds,
            reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
    }

    func shutdown() async {
        await reads.shutdown()
        await writes.shutdown()
    }

    /// Questions so far, by purpose.
    var queries: [(purpose: String, count: Int)] {
        [
            ("ledger_read", readsCount.load(ordering: .relaxed)), ("ledger_change", writesCount.load(ordering: .relaxed)),
        ]
    }

    func ask(_ question: LedgerQuestion, deadline: MonotonicNanoseconds, _ done: @escaping @Sendable (LedgerAnswer) -> Void) {
        if case .ranking(let metric, let limit) = question { return rank(metric, limit: limit, done) }
        let isChange = question.changesSomething
        if isChange { writesCount.wrappingAdd(1, ordering: .relaxed) } else { readsCount.wrappingAdd(1, ordering: .relaxed) }
        let pool = isChange ? writes : reads
        Task {
            do {
                done(try await pool.withConnection { try LedgerWork.answer(question, deadline: deadline, on: $0) })
            } catch {
                let problem = LedgerFailure.problem(of: error, isChange: isChange)
                logger.log(
                    level: problem == .internalError ? .error : .warning, "the ledger could not be asked",
                    metadata: ["error": "\(error)", "change": "\(isChange)"])
                done(.problem(problem))
            }
        }
    }

    // MARK: Rankings

    private func rank(_ metric: TotalsMetric, limit: Int, _ done: @escaping @Sendable (LedgerAnswer) -> Void) {
        let (known, mustRead) = rankings.withLock { rankings -> ([LedgerRanking.Line]?, Bool) in
            let (advice, mustRead) = rankings.shelf.ask(metric, now: monotonicNow())
            if case .take(let lines) = advice { return (lines, mustRead) }
            rankings.waiting[metric, default: []].append { result in
                switch result {
                case .success(let lines): done(.json { $0.append(metric, lines.prefix(limit)) })
                case .failure(let error): done(.problem(LedgerFailure.problem(of: error, isChange: false)))
                }
            }
            return (nil, mustRead)
        }
        if mustRead { readRanking(metric) }
        if let known { done(.json { $0.append(metric, known.prefix(limit)) }) }
    }

    private func readRanking(_ metric: TotalsMetric) {
        readsCount.wrappingAdd(1, ordering: .relaxed)
        Task {
            let result: Result<[LedgerRanking.Line], any Error>
            do {
                result = .success(
                    try await reads.withConnection {
                        try LedgerRanking.top(metric, on: $0, timeoutMilliseconds: Self.rankingMillisecondsMax)
                    })
            } catch {
                logger.warning("a ranking could not be read", metadata: ["metric": "\(metric)", "error": "\(error)"])
                result = .failure(error)
            }
            let waiting = rankings.withLock { rankings in
                rankings.shelf.finish(metric, try? result.get(), now: monotonicNow())
                return rankings.waiting.removeValue(forKey: metric) ?? []
            }
            for waiter in waiting { waiter(result) }
        }
    }
}
