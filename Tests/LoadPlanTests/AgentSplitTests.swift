import LoadPlan
import Testing

/// Everything that a run sends: by the request's number its time, operation, path and body.
private struct Sent: Equatable {
    var time: UInt64
    var operation: Int
    var path: [UInt8]
    var body: [UInt8]
}

@Suite("A load that agents share")
struct AgentSplitTests {
    private static let network = Population(
        (1...300).map {
            Population.Member(id: $0, root: $0 % 7 + 1, shard: UInt8($0 % 16), isActive: $0 % 5 > 0, isLeaf: $0 > 150)
        })

    /// Some scenario: shapes, weights and lengths follow from the seed.
    private static func scenario(seed: UInt64) -> Scenario {
        var random = Scatter(seed: seed, number: 0)
        func some(_ range: ClosedRange<Int>) -> Double { Double(range.lowerBound + random.below(range.count)) }
        let phases = (0...random.below(3)).map { index -> Phase in
            let shape: ArrivalShape =
                switch random.below(5) {
                case 0: .constant(rate: some(0...900))
                case 1: .poisson(rate: some(1...900))
                case 2: .ramp(from: some(0...900), to: some(0...900))
                case 3: .steps(from: some(1...300), to: some(300...900), steps: 1 + random.below(5))
                default: .spike(base: some(1...200), peak: some(200...900), atSeconds: 0.3, forSeconds: 0.2)
                }
            return Phase(name: "phase-\(index)", seconds: some(1...3), shape: shape)
        }
        var scenario = Scenario(
            name: "split", phases: phases,
            operations: [
                .init(name: "network", operation: .network(depth: 3, limit: 10), weight: some(1...9)),
                .init(name: "join", operation: .join, weight: some(0...3)),
                .init(name: "move", operation: .move, weight: some(0...3)),
                .init(name: "single", operation: .transactions(batch: 1, betsPercent: 50), weight: some(1...9)),
                .init(name: "batch", operation: .transactions(batch: 4, betsPercent: 20), weight: some(1...3)),
            ])
        scenario.seed = random.next()
        scenario.warmUpSeconds = Double(random.below(3)) / 2
        scenario.affiliates.zipf = Double(random.below(3)) / 2
        return scenario
    }

    private func sent(_ scenario: Scenario, agent: Int, of agents: Int) throws -> [Int: Sent] {
        var maker = try RequestMaker(scenario, Self.network, runName: "run")
        var clock = ArrivalClock(scenario, agent: agent, of: agents)
        var request = PlannedRequest()
        var sent: [Int: Sent] = [:]
        while let time = clock.next() {
            maker.make(clock.number, into: &request)
            #expect(sent[clock.number] == nil)
            sent[clock.number] = Sent(
                time: time, operation: request.operation, path: Array(request.path.bytes), body: Array(request.body.bytes))
        }
        return sent
    }

    @Test("is the load of one, whatever the scenario and however many they are", arguments: 1...40 as ClosedRange<UInt64>)
    func union(seed: UInt64) throws {
        let scenario = Self.scenario(seed: seed)
        let whole = try sent(scenario, agent: 0, of: 1)
        let agents = 2 + Int(seed % 6)
        var union: [Int: Sent] = [:]
        for agent in 0..<agents {
            let share = try sent(scenario, agent: agent, of: agents)
            #expect(union.keys.allSatisfy { share[$0] == nil }, "two agents send one request")
            // Even shares at every moment: no agent is more than one request ahead of another.
            #expect(abs(share.count * agents - whole.count) < agents)
            union.merge(share) { ours, _ in ours }
        }
        #expect(union == whole)
        #expect(whole.count > 100)
    }

    @Test("has no external id twice")
    func ids() throws {
        let scenario = Self.scenario(seed: 3)
        var ids: Set<String> = []
        var count = 0
        for agent in 0..<3 {
            let maker = try RequestMaker(scenario, Self.network, runName: "run")
            var clock = ArrivalClock(scenario, agent: agent, of: 3)
            while clock.next() != nil {
                for item in 0..<maker.transactionCount(of: clock.number) {
                    ids.insert(maker.transaction(clock.number, item: item).externalID)
                    count += 1
                }
            }
        }
        #expect(ids.count == count && count > 300)
    }
}
