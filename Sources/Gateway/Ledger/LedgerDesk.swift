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
        var waiters = RankingWaiters()
    }

    private let reads: PostgresPool
    private let writes: PostgresPool
    private let logger: Logger
    private let rankings = Mutex(Rankings())
    /// Extensive questions, so that there are connections left for all others: of the four for reads two may count, one may rank; of the two for
    /// changes one may decide by filters.
    private let counting = Turnstile(runningMax: 2, waitingMax: extensiveWaitingMax)
    private let ranking = Turnstile(runningMax: 1, waitingMax: TotalsMetric.allCases.count)
    private let deciding = Turnstile(runningMax: 1, waitingMax: extensiveWaitingMax)
    private let readsCount = Atomic<Int>(0)
    private let writesCount = Atomic<Int>(0)

    private static let readConnections = 4
    private static let writeConnections = 2
    /// Questions that wait for a connection; more are refused with 503.
    private static let readsPendingMax = 512
    private static let writesPendingMax = 128
    private static let extensiveWaitingMax = 64
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
        if case .ranking(let metric, let limit) = question {
            return rank(metric, RankingWaiters.Waiter(limit: limit, deadline: deadline, done: done))
        }
        let isChange = question.changesSomething
        if isChange { writesCount.wrappingAdd(1, ordering: .relaxed) } else { readsCount.wrappingAdd(1, ordering: .relaxed) }
        let work: Turnstile.Work = { [self] in done(await answer(question, deadline: deadline)) }
        guard question.isExtensive else {
            Task { await work() }
            return
        }
        if !(isChange ? deciding : counting).enter(deadline: deadline, work) { done(.problem(.overloaded)) }
    }

    private func answer(_ question: LedgerQuestion, deadline: MonotonicNanoseconds) async -> LedgerAnswer {
        let isChange = question.changesSomething
        do {
            return try await (isChange ? writes : reads).withConnection {
                try LedgerWork.answer(question, deadline: deadline, on: $0)
            }
        } catch {
            let problem = LedgerFailure.problem(of: error, isChange: isChange, isCounting: !isChange && question.isExtensive)
            logger.log(
                level: problem == .internalError ? .error : .warning, "the ledger could not be asked",
                metadata: ["error": "\(error)", "change": "\(isChange)"])
            return .problem(problem)
        }
    }

    // MARK: Rankings

    private func rank(_ metric: TotalsMetric, _ waiter: RankingWaiters.Waiter) {
        let now = monotonicNow()
        let (lines, isRefused, mustRead) = rankings.withLock { rankings -> ([LedgerRanking.Line]?, Bool, Bool) in
            let (advice, mustRead) = rankings.shelf.ask(metric, now: now)
            if case .take(let lines) = advice { return (lines, false, mustRead) }
            return (nil, !rankings.waiters.add(waiter, for: metric, now: now), mustRead)
        }
        if mustRead { readRanking(metric) }
        if let lines { waiter.done(.json { $0.append(metric, lines.prefix(waiter.limit)) }) }
        if isRefused { waiter.done(.problem(.overloaded)) }
    }

    private func readRanking(_ metric: TotalsMetric) {
        readsCount.wrappingAdd(1, ordering: .relaxed)
        // One reads for all, whoever still waits: it has a turn in any case.
        _ = ranking.enter(deadline: .max) { [self] in
            var lines: [LedgerRanking.Line]?
            var problem = Problem.internalError
            do {
                lines = try await reads.withConnection {
                    try LedgerRanking.top(metric, on: $0, timeoutMilliseconds: Self.rankingMillisecondsMax)
                }
            } catch {
                logger.warning("a ranking could not be read", metadata: ["metric": "\(metric)", "error": "\(error)"])
                problem = LedgerFailure.problem(of: error, isChange: false)
            }
            let waiting = rankings.withLock { [lines] rankings in
                let now = monotonicNow()
                rankings.shelf.finish(metric, lines, now: now)
                return rankings.waiters.take(metric, now: now)
            }
            for (limit, waiters) in waiting {
                let answer =
                    lines.map { lines in LedgerAnswer.json { $0.append(metric, lines.prefix(limit)) } } ?? .problem(problem)
                for waiter in waiters { waiter.done(answer) }
            }
        }
    }
}
