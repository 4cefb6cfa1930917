import Core
import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("Agents", .serialized)
struct AgentTests {
    private static let network = Population(
        (1...200).map { Population.Member(id: $0, root: 1, shard: UInt8($0 % 8), isActive: true, isLeaf: $0 > 100) })

    private func scenario(seconds: Double = 1, rate: Double = 2000) -> Scenario {
        var scenario = Scenario(
            name: "agents", phases: [Phase(name: "only", seconds: seconds, shape: .constant(rate: rate))],
            operations: [
                WeightedOperation(name: "upline", operation: .upline, weight: 3),
                WeightedOperation(name: "affiliate", operation: .affiliate, weight: 1),
            ])
        scenario.limits = GeneratorLimits(slipP99Microseconds: 60_000_000, cpuShare: 1)
        return scenario
    }

    /// So many agents that serve on threads of their own.
    private func agents(_ count: Int, make: AgentServer.Maker? = nil) throws -> [AgentServer] {
        try (0..<count).map { _ in
            let agent = try AgentServer(make: make)
            #expect(DetachedThread.start { agent.serve() })
            return agent
        }
    }

    private func run(
        _ scenario: Scenario, _ agents: [AgentServer], _ target: LoadTarget, progress: (RunRecord) -> Void = { _ in }
    ) throws -> AgentRunResult {
        try AgentRun(
            scenario, Self.network, runName: "test", target: target, agents: agents.map(\.address),
            environment: ThisMachine.environment(target: target)
        ).run(progress: progress)
    }

    @Test("three agents together plan, send and see exactly what one would")
    func mergedIsTheSame() throws {
        let server = try NullServer()
        defer { server.stop() }
        let fleet = try agents(3)
        defer { for agent in fleet { agent.stop() } }
        let many = try run(scenario(), fleet, server.target).record
        let one = try LoadRun(
            scenario(), RequestMaker(scenario(), Self.network, runName: "test"), target: server.target,
            environment: ThisMachine.environment(target: server.target)
        ).run()
        #expect(many.planned == 2000 && many.outcomes[.ok] == 2000)
        #expect(many.operations.map(\.planned) == one.operations.map(\.planned))
        #expect(many.operations.map(\.response.count) == one.operations.map(\.response.count))
        #expect(many.operations.map(\.statuses) == one.operations.map(\.statuses))
        #expect(many.shards.map(\.shard) == one.shards.map(\.shard))
        #expect(many.shards.map(\.outcomes) == one.shards.map(\.outcomes))
        #expect(many.windows.map(\.planned) == one.windows.map(\.planned))
        #expect(many.agents.count == 3 && many.agents.reduce(0) { $0 + $1.sent } == 2000)
        #expect(many.agents.map(\.name) == fleet.map { "127.0.0.1:\($0.port)" })
        #expect(many.invalid.isEmpty)
    }

    @Test("what an agent's observer has seen comes to the controller")
    func observations() throws {
        let server = try NullServer()
        defer { server.stop() }
        let fleet = try agents(2) { order, population in
            var work = try AgentServer.plainWork(order, population)
            work.observations = { [UInt8(order.agent), 42] }
            return work
        }
        defer { for agent in fleet { agent.stop() } }
        #expect(try run(scenario(), fleet, server.target).observations == [[0, 42], [1, 42]])
    }

    @Test("an agent that is not there is told before any load")
    func absentAgent() throws {
        let server = try NullServer()
        defer { server.stop() }
        let there = try agents(1)
        defer { there[0].stop() }
        do {
            _ = try AgentRun(
                scenario(), Self.network, runName: "test", target: server.target,
                agents: [there[0].address, AgentAddress(host: "127.0.0.1", port: 1)],
                environment: ThisMachine.environment(target: server.target))
            Issue.record("an agent on port 1?")
        } catch {
            #expect(error.code == .agent && error.description.contains("127.0.0.1:1"), "\(error)")
        }
        #expect(server.requests == 0)
    }

    @Test("a target that an agent cannot reach is told before any load")
    func refusedOrder() throws {
        let gone = try NullServer()
        gone.stop()
        let fleet = try agents(1)
        defer { for agent in fleet { agent.stop() } }
        #expect(throws: LoadSetUpError.self) { try run(scenario(), fleet, gone.target) }
    }

    @Test("an agent that is lost makes the run invalid and stops the others; what they saw is told")
    func lostAgent() throws {
        let server = try NullServer()
        defer { server.stop() }
        let fleet = try agents(2)
        defer { fleet[0].stop() }
        var isStopped = false
        let record = try run(scenario(seconds: 30), fleet, server.target) { _ in
            if !isStopped { fleet[1].stop() }
            isStopped = true
        }.record
        #expect(isStopped)
        #expect(record.invalid.contains { $0.contains("agent 127.0.0.1:\(fleet[1].port) was lost") }, "\(record.invalid)")
        #expect(record.aborted == "agent 127.0.0.1:\(fleet[1].port) was lost")
        #expect(record.agents.map(\.name) == ["127.0.0.1:\(fleet[0].port)"])
        #expect(record.outcomes[.ok] == record.agents[0].sent && record.agents[0].sent < 30_000, "\(record.outcomes)")
    }

    @Test("members survive the way to an agent")
    func memberBytes() {
        #expect(MemberBytes.decode(MemberBytes.encode(Self.network.members[...])) == Self.network.members)
        #expect(MemberBytes.decode([1, 2, 3]) == nil)
    }
}
