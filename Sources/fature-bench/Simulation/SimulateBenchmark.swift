import Foundation
import Simulation

extension Benchmark {
    static let simulate = Benchmark(
        name: "simulate", usage: "simulate [--seeds N] [--from S] [--seed X [--trace]] [--break RULE]",
        summary: "Clusters of the hand-off's machines in virtual time, under faults: 1,000 seeds, or one with its story."
    ) { arguments in
        let options = try SimulateOptions(arguments)
        guard let seed = options.seed else { return try SimulationRun(options).run() }
        let result = Simulation.run(Scenario(seed: seed, breaking: options.rule), isTraced: true)
        if options.isTracing || result.failure != nil { print(result.trace.joined(separator: "\n")) }
        print(result.scenario.summary)
        print("\(result.events) events, \(result.movesCommitted) moves committed, \(result.movesAborted) aborted")
        if let failure = result.failure { throw SimulationFailure(seeds: [(seed, failure)]) }
    }
}

struct SimulateOptions {
    var seeds: UInt64 = 1000
    var from: UInt64 = 1
    var seed: UInt64?
    var isTracing = false
    var rule: BrokenRule?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--trace" {
                isTracing = true
                continue
            }
            guard let value = rest.popFirst() else { throw SimulateUsage(problem: "\(name) needs a value") }
            if name == "--break" {
                let names = BrokenRule.allCases.map(\.rawValue).joined(separator: ", ")
                guard let known = BrokenRule(rawValue: value) else {
                    throw SimulateUsage(problem: "\(value) is none of: \(names)")
                }
                rule = known
                continue
            }
            guard let number = UInt64(value) else { throw SimulateUsage(problem: "\(name) takes a number, not \(value)") }
            switch name {
            case "--seeds": seeds = number
            case "--from": from = number
            case "--seed": seed = number
            default: throw SimulateUsage(problem: "\(name) is not known; there are --seeds, --from, --seed, --trace and --break")
            }
        }
    }
}

struct SimulateUsage: Error, CustomStringConvertible {
    var problem: String
    var description: String { problem }
}

/// Seeds in which something was that must not be.
struct SimulationFailure: Error, CustomStringConvertible {
    var seeds: [(seed: UInt64, failure: String)]

    var description: String {
        let lines = seeds.prefix(20).map { "seed \($0.seed): \($0.failure)" }
        return "\(seeds.count) seeds failed; see `fature-bench simulate --seed N --trace`\n" + lines.joined(separator: "\n")
    }
}

/// Many seeds, one after the other, on one core.
private struct SimulationRun {
    let options: SimulateOptions

    init(_ options: SimulateOptions) { self.options = options }

    func run() throws {
        var failures: [(seed: UInt64, failure: String)] = []
        var events: UInt64 = 0
        var committed = 0
        var aborted = 0
        var answers = 0
        var refusals = 0
        let begun = Date()
        for seed in options.from..<options.from + options.seeds {
            let result = Simulation.run(Scenario(seed: seed, breaking: options.rule))
            events += result.events
            committed += result.movesCommitted
            aborted += result.movesAborted
            answers += result.answers
            refusals += result.refusals
            if let failure = result.failure { failures.append((seed, failure)) }
            if (seed - options.from + 1) % 5000 == 0 {
                FileHandle.standardError.write(Data("\(seed - options.from + 1) seeds, \(failures.count) failed\n".utf8))
            }
        }
        let seconds = Date().timeIntervalSince(begun)
        let perMinute = Int(Double(options.seeds) / seconds * 60)
        print(
            "\(options.seeds) seeds from \(options.from) in \(Int(seconds)) s (\(perMinute) a minute): \(events) events, "
                + "\(committed) moves committed, \(aborted) aborted, \(answers) answers, \(refusals) of them refusals")
        if !failures.isEmpty { throw SimulationFailure(seeds: failures) }
    }
}
