import Core
import Foundation
import LoadCheck
import LoadEngine
import LoadPlan
import LoadRecord
import LoadReport
import PostgresClient
import Telemetry

/// What runs need before they begin: where to, whom to ask about, and what to check against.
struct LoadTestSetUp {
    let target: LoadTarget
    let population: Population
    /// Nil: nothing is checked.
    let database: PostgresConnection?

    /// - Throws: `CommandError` with exit status 3 for whatever has to be mended before a load.
    init(_ scenario: Scenario, _ options: LoadTargetOptions, checks: Bool) throws(CommandError) {
        target = try options.read()
        let needsPopulation = scenario.operations.contains {
            if case .path = $0.operation { false } else { true }
        }
        guard needsPopulation else {
            population = Population([])
            database = nil
            return
        }
        do {
            let connection = try options.location.connect("loadtest")
            population = try PopulationQuery.read(on: connection)
            database = checks ? connection : nil
        } catch {
            throw CommandError(.setUp, "affiliates are chosen from the cluster's PostgreSQL: \(error)")
        }
    }
}

/// One run from its set-up to its verdict.
struct LoadTestSession {
    private let scenario: Scenario
    private let target: LoadTarget
    private let maker: RequestMaker
    private let database: PostgresConnection?
    /// On PostgreSQL's clock; 0 when nothing is checked.
    private let startedAtMicroseconds: Int64
    private let drainMilliseconds: Int
    private let endsEarly: Bool

    /// How often it is looked whether a person wants the end.
    private static let stopLookMilliseconds = 100

    /// - Throws: `CommandError` with exit status 3 for a scenario that does not fit the network.
    init(
        _ scenario: Scenario, _ setUp: LoadTestSetUp, runName: String?, drainSeconds: Int, endsEarly: Bool
    ) throws(CommandError) {
        self.scenario = scenario
        target = setUp.target
        database = setUp.database
        do { startedAtMicroseconds = try database.map { try PopulationQuery.now(on: $0) } ?? 0 } catch {
            throw CommandError(.setUp, "PostgreSQL was asked for its time: \(error)")
        }
        self.endsEarly = endsEarly
        drainMilliseconds = max(0, min(drainSeconds, 86_400)) * 1000
        do throws(LoadPlanError) {
            maker = try RequestMaker(
                scenario, setUp.population, runName: runName ?? String(wallClockMicroseconds() / 1000, radix: 36))
        } catch {
            throw CommandError(.setUp, error.description)
        }
    }

    func run(showsProgress: Bool) throws(CommandError) -> RunRecord {
        let clock = ArrivalClock(scenario)
        let transactions = TransactionWitness(scenario)
        let answers = AnswerWitness(scenario, planned: Self.planned(scenario))
        let observer = database == nil ? nil : AnswerObservers([transactions, answers])
        let run = LoadRun(
            scenario, times: clock, source: maker, target: target,
            environment: ThisMachine.environment(target: target, commit: Checkout.commit), endsEarly: endsEarly,
            observer: observer)
        var record = try perform(run, showsProgress: showsProgress)
        check(&record, transactions.book, answers.samples)
        return record
    }

    /// About how many requests the run has.
    private static func planned(_ scenario: Scenario) -> Int {
        var clock = ArrivalClock(scenario)
        guard clock.closedInFlight == nil else { return 100_000 }
        var count = 0
        while clock.next() != nil { count += 1 }
        return count
    }

    /// Sends on a thread of the engine's, while this one shows progress and another listens for Ctrl-C.
    private func perform(_ run: consuming LoadRun, showsProgress: Bool) throws(CommandError) -> RunRecord {
        let prepared: PreparedRun
        do throws(LoadSetUpError) { prepared = try run.prepare() } catch { throw CommandError(.setUp, error.description) }
        // From here on only: until then there is nothing to end in an orderly way.
        let events = try ProcessEvents()
        let isOver = Monitor(false)
        let listens = DetachedThread.start { [stop = prepared.stop] in
            var requests = 0
            while isOver.wait(until: .after(milliseconds: Self.stopLookMilliseconds), { $0 ? true : nil }) == nil {
                guard events.stopRequests > requests else { continue }
                requests = events.stopRequests
                stop.abort("stopped by a person")
            }
        }
        guard listens else { throw CommandError(.systemRefused, "no thread to listen for Ctrl-C") }
        let progress = LoadTestProgress(isShown: showsProgress)
        let record = prepared.run { progress.show($0) }
        isOver.withLock { $0 = true }
        progress.end()
        return record
    }

    private func check(_ record: inout RunRecord, _ book: TransactionBook, _ samples: [AnswerWitness.Sample]) {
        let hasTransactions = scenario.operations.contains {
            if case .transactions = $0.operation { true } else { false }
        }
        guard let database else { return }
        if hasTransactions {
            Console.progress("checking the ledger")
            do {
                record.ledger = try LedgerCheck(database, maker: maker, startedAtMicroseconds: startedAtMicroseconds)
                    .verdict(book, drainMilliseconds: drainMilliseconds)
            } catch {
                var verdict = LedgerVerdict()
                verdict.unchecked = "\(error)"
                record.ledger = verdict
            }
        }
        guard !samples.isEmpty else { return }
        Console.progress("comparing \(samples.count) answers with PostgreSQL")
        do {
            record.answers = try AnswerCheck(
                database, scenario: scenario, maker: maker, startedAtMicroseconds: startedAtMicroseconds
            )
            .verdict(samples)
        } catch {
            // An objective on it is unchecked then, which is as bad as missed.
            Console.progress("fature: sampled answers were not compared: \(error)")
        }
    }
}
