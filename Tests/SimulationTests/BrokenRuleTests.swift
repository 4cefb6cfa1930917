import Simulation
import Testing

/// A simulation that finds nothing may look at nothing. Each rule of the hand-off is broken on purpose, and must be found out.
@Suite("Rules that are broken on purpose")
struct BrokenRuleTests {
    private static let seedsMax: UInt64 = 300

    @Test("a broken rule is found", arguments: BrokenRule.allCases)
    func found(_ rule: BrokenRule) {
        let seed = (1...Self.seedsMax).first { Simulation.run(Scenario(seed: $0, breaking: rule)).failure != nil }
        #expect(seed != nil, "\(rule.rawValue) was not found in \(Self.seedsMax) seeds")
    }
}
