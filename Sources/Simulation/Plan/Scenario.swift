import Ownership

/// One run: the size of the cluster and what goes wrong in it, all of it out of the seed.
package struct Scenario: Sendable {
    package let seed: UInt64
    package var faults: Set<FaultKind>
    package var brokenRule: BrokenRule?
    package var workers: Int
    package var gateways: Int
    package var coordinators: Int
    package var callers: Int
    package var shards: Int
    /// How long things go wrong. Milliseconds.
    package var troubleMilliseconds: Int
    /// Requests that move affiliates to another shard, for each 92 others.
    var movesFor92Others = 8
    /// The state of a hand-off in which workers crash or stop, if those faults are chosen.
    package var stateToHit: String

    static let leaseMilliseconds = 1000
    /// How long everything may take to settle after that. Milliseconds.
    static let settleMilliseconds = 30_000

    static let states = [
        "watching", "settling", "holding", "sealing", "sealed", "committing", "resolving", "aborting", "loading", "refreshing",
        "serving", "target preparing", "target ready", "target sealed", "target confirmed", "target committed", "warm",
    ]

    /// - Parameter rule: broken on purpose.
    package init(seed: UInt64, breaking rule: BrokenRule? = nil) {
        var random = Randomness(seed: seed ^ 0xFA7E)
        self.seed = seed
        workers = 2 + random.below(3)
        gateways = 1 + random.below(2)
        coordinators = 1 + random.below(2)
        callers = 3 + random.below(4)
        shards = 2 + random.below(4)
        troubleMilliseconds = 1500 + random.below(2500)
        stateToHit = Self.states[random.below(Self.states.count)]
        faults = []
        // One run in eight has no faults at all: there every refusal is a defect.
        if !random.chance(125) {
            let share = 50 + random.below(450)
            for kind in FaultKind.allCases where random.chance(share) { faults.insert(kind) }
        } else if random.chance(500) {
            faults = [.drift, .standbys]
        }
        brokenRule = rule
        if let rule {
            faults = rule.revealingFaults
            coordinators = 2
            callers = 6
            shards = 2
            troubleMilliseconds = 4000
            if rule == .commitSequenceIgnored {
                // It shows only where others' changes come within a few milliseconds of a commit.
                (callers, movesFor92Others, troubleMilliseconds) = (12, 24, 10_000)
            }
        }
    }

    var isHarmless: Bool { !faults.contains { $0.isHarmful } }

    package var summary: String {
        let names = FaultKind.allCases.filter(faults.contains).map { "\($0)" }.joined(separator: ", ")
        return "seed \(seed): \(workers) workers, \(gateways) gateways, \(coordinators) coordinators, \(shards) shards; "
            + (names.isEmpty ? "no faults" : names)
    }
}
