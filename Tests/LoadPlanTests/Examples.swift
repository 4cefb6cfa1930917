import LoadPlan

/// A scenario with one operation, for tests of its times.
func scenario(
    _ phases: (seconds: Double, shape: ArrivalShape)..., warmUp: Double = 0, seed: UInt64 = 7
) -> Scenario {
    var scenario = Scenario(
        name: "test", phases: phases.enumerated().map { Phase(name: "p\($0)", seconds: $1.seconds, shape: $1.shape) },
        operations: [WeightedOperation(name: "upline", operation: .upline, weight: 1)])
    scenario.warmUpSeconds = warmUp
    scenario.seed = seed
    return scenario
}

/// All planned times of a scenario, nanoseconds.
func times(_ scenario: Scenario, agent: Int = 0, of agents: Int = 1) -> [UInt64] {
    var clock = ArrivalClock(scenario, agent: agent, of: agents)
    var times: [UInt64] = []
    while let time = clock.next() { times.append(time) }
    return times
}

/// A network of `roots` trees, each with a root, two below it and seven leaves below those; every fifth affiliate is not active.
func population(roots: Int) -> Population {
    Population(
        (0..<roots).flatMap { tree in
            let root = Int64(tree * 10 + 1)
            return (0..<10).map { place in
                Population.Member(
                    id: root + Int64(place), root: root, shard: UInt8(tree % 8), isActive: place % 5 != 4, isLeaf: place > 2)
            }
        })
}
