import Simulation
import Testing

@Suite("Whole clusters in virtual time")
struct SimulationTests {
    /// Few, since this is a debug build; `fature-bench simulate` runs a hundred thousand.
    private static let seeds: ClosedRange<UInt64> = 1...60

    @Test("whatever goes wrong, nothing is answered or written by somebody who must not, and all settles")
    func seeds() {
        var committed = 0
        for seed in Self.seeds {
            let result = Simulation.run(Scenario(seed: seed))
            committed += result.movesCommitted
            guard let failure = result.failure else { continue }
            let story = Simulation.run(Scenario(seed: seed), isTraced: true).trace.suffix(60).joined(separator: "\n")
            Issue.record("\(result.scenario.summary)\n\(story)\n\(failure)")
        }
        // A simulation in which nothing is handed off shows nothing.
        #expect(committed > Int(Self.seeds.count))
    }

    @Test("the same seed gives the same run, event by event")
    func repeatable() {
        let first = Simulation.run(Scenario(seed: 11), isTraced: true)
        let second = Simulation.run(Scenario(seed: 11), isTraced: true)
        #expect(first.trace == second.trace)
        #expect(first.events == second.events)
        #expect(!first.trace.isEmpty)
    }

    @Test("a tracing run is the run that it traces")
    func traced() {
        for seed in 1...10 as ClosedRange<UInt64> {
            #expect(Simulation.run(Scenario(seed: seed)).events == Simulation.run(Scenario(seed: seed), isTraced: true).events)
        }
    }
}
