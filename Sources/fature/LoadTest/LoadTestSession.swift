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
    let fleet: AgentFleet
    let population: Population
    /// Nil: nothing is checked.
    let database: PostgresConnection?

    /// - Throws: `CommandError` with exit status 3 for whatever has to be mended before a load.
    init(
        _ scenario: Scenario, _ options: LoadTargetOptions, _ agents: AgentOptions, checks: Bool
    ) throws(CommandError) {
        target = try options.read()
        fleet = try agents.read()
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
    private let setUp: LoadTestSetUp
    private let maker: RequestMaker
    private let environment: RunEnvironment
    private var database: PostgresConnection? { setUp.database }
    /// On PostgreSQL's clock; 0 when nothing is checked.
    private let startedAtMicroseconds: Int64
    private let drainMilliseconds: Int
    private let endsEarly: Bool

    /// - Throws: `CommandError` with exit status 3 for a scenario that does not fit the network.
    init(
        _ scenario: Scenario, _ setUp: LoadTestSetUp, runName: String?, drainSeconds: Int, endsEarly: Bool
    ) throws(CommandError) {
        let transactions = scenario.plannedTransactions ?? 0
        guard setUp.database == nil || transactions <= Double(TransactionBook.transactionsMax) else {
            throw CommandError(
                .setUp,
                "about \(Int(transactions)) transactions are planned, and at most \(TransactionBook.transactionsMax) can be compared with the ledger; "
                    + "shorten the run (--seconds) or leave the comparison out (--no-check)")
        }
        self.scenario = scenario
        self.setUp = setUp
        environment = ThisMachine.environment(target: setUp.target, commit: Checkout.commit)
        do { startedAtMicroseconds = try setUp.database.map { try PopulationQuery.now(on: $0) } ?? 0 } catch {
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
        setUp.fleet.isEmpty ? try runHere(showsProgress) : try runOnAgents(showsProgress)
    }

    private func runHere(_ showsProgress: Bool) throws(CommandError) -> RunRecord {
        let witness = database.map { _ in CheckWitness(scenario) }
        let run = LoadRun(
            scenario, times: ArrivalClock(scenario), source: maker, target: setUp.target, environment: environment,
            endsEarly: endsEarly, observer: witness?.observer)
        let prepared: PreparedRun
        do throws(LoadSetUpError) { prepared = try run.prepare() } catch { throw CommandError(.setUp, error.description) }
        // From here on only: until then there is nothing to end in an orderly way.
        let listener = try StopListener { [stop = prepared.stop] in stop.abort($0) }
        defer { listener.end() }
        let progress = LoadTestProgress(isShown: showsProgress)
        var record = prepared.run { progress.show($0) }
        progress.end()
        listener.end()
        if let witness { check(&record, witness.observations) }
        return record
    }

    private func runOnAgents(_ showsProgress: Bool) throws(CommandError) -> RunRecord {
        let run: AgentRun
        do throws(LoadSetUpError) {
            run = try AgentRun(
                scenario, setUp.population, runName: maker.runName, target: setUp.target, agents: setUp.fleet.agents,
                token: setUp.fleet.token, environment: environment, isChecked: database != nil, endsEarly: endsEarly)
        } catch {
            throw CommandError(.setUp, error.description)
        }
        let listener = try StopListener { run.abort($0) }
        defer { listener.end() }
        let progress = LoadTestProgress(isShown: showsProgress)
        let result: AgentRunResult
        do throws(LoadSetUpError) { result = try run.run { progress.show($0) } } catch {
            throw CommandError(.setUp, error.description)
        }
        progress.end()
        listener.end()
        var record = result.record
        guard database != nil else { return record }
        do throws(LoadCheckError) {
            check(&record, try setUp.fleet.observations(result, scenario))
        } catch {
            var verdict = LedgerVerdict()
            verdict.unchecked = error.description
            record.ledger = verdict
        }
        return record
    }

    private func check(_ record: inout RunRecord, _ seen: CheckObservations) {
        let hasTransactions = scenario.operations.contains {
            if case .transactions = $0.operation { true } else { false }
        }
        guard let database else { return }
        if hasTransactions {
            Console.progress("checking the ledger")
            do {
                record.ledger = try LedgerCheck(database, maker: maker, startedAtMicroseconds: startedAtMicroseconds)
                    .verdict(seen.book, drainMilliseconds: drainMilliseconds)
            } catch {
                var verdict = LedgerVerdict()
                verdict.unchecked = "\(error)"
                record.ledger = verdict
            }
        }
        guard !seen.samples.isEmpty else { return }
        Console.progress("comparing \(seen.samples.count) answers with PostgreSQL")
        do {
            record.answers = try AnswerCheck(
                database, scenario: scenario, maker: maker, startedAtMicroseconds: startedAtMicroseconds
            )
            .verdict(seen.samples)
        } catch {
            // An objective on it is unchecked then, which is as bad as missed.
            Console.progress("fature: sampled answers were not compared: \(error)")
        }
    }
}
