import Core
import LoadPlan
import LoadRecord

/// One run over several agents: each sends its part of the planned requests from the same moment on, and what they saw is added up.
///
/// The events of the scenario are run here, not by the agents.
package final class AgentRun: Sendable {
    private struct Part {
        var picture: RunRecord?
        var result: RunRecord?
        var observations: [UInt8] = []
        var loss: String?
        var isOver: Bool { result != nil || loss != nil }
    }

    private struct State {
        var parts: [Part]
        var isNew = false
        var abortReason: String?
        var isBegun = false
    }

    private let scenario: Scenario
    private let environment: RunEnvironment
    private let endsEarly: Bool
    private let links: [AgentLink]
    private let state: Monitor<State>

    /// From the order to begin to the first planned time: every agent has to hear of it before.
    private static let leadNanoseconds: UInt64 = 200_000_000

    /// Reaches the agents, gives them their orders, and waits until all are ready. Throws before any load.
    /// - Parameter agents: `host:port` of each.
    package init(
        _ scenario: Scenario, _ population: Population, runName: String, target: LoadTarget, agents: [String],
        environment: RunEnvironment, endsEarly: Bool = false
    ) throws(LoadSetUpError) {
        guard !agents.isEmpty, Set(agents).count == agents.count else {
            throw LoadSetUpError(.agent, "name each agent once, and one at least")
        }
        try EventRunner.check(scenario.events)
        self.scenario = scenario
        self.environment = environment
        self.endsEarly = endsEarly
        var links: [AgentLink] = []
        for address in agents { links.append(try AgentLink(address)) }
        self.links = links
        state = Monitor(State(parts: links.map { _ in Part() }))
        var order = AgentOrder(
            scenario: scenario, target: target, runName: runName, agent: 0, agents: links.count, name: "",
            memberCount: population.members.count)
        order.scenario.events = []
        for (index, link) in links.enumerated() {
            order.agent = index
            order.name = link.name
            try link.prepare(order, population)
        }
    }

    deinit { for link in links { link.hangUp() } }

    /// Runs the load to its end on the calling thread.
    /// - Returns: the sum of what the agents saw, and each agent's observations, in the order of agents.
    package func run(progress: (RunRecord) -> Void = { _ in }) -> (record: RunRecord, observations: [[UInt8]]) {
        let begin = monotonicNow() + Self.leadNanoseconds
        let events = EventRunner(scenario.events, begin: begin + UInt64((scenario.warmUpSeconds * 1e9).rounded()))
        events.start()
        for (index, link) in links.enumerated() {
            do { try link.begin(at: begin) } catch { lose(index, "\(error)") }
            if !DetachedThread.start({ [self] in follow(index) }) { lose(index, "no thread to listen to it") }
        }
        while true {
            let parts = state.wait(until: .never) { state -> [Part]? in
                guard state.isNew else { return nil }
                state.isNew = false
                return state.parts
            }.unsafelyUnwrapped
            var sum = sum(parts)
            guard parts.allSatisfy(\.isOver) else {
                sum.events = events.records
                if endsEarly, let reason = EarlyEnd.reason(sum, scenario.objectives) { abort(reason) }
                // Once a second, when all agents have told theirs.
                if parts.allSatisfy({ $0.isOver || $0.picture != nil }) {
                    progress(sum)
                    state.withLock { state in for index in state.parts.indices { state.parts[index].picture = nil } }
                }
                continue
            }
            sum.events = events.finish()
            sum.aborted = state.withLock { $0.abortReason } ?? sum.aborted
            for (link, part) in zip(links, parts) {
                if let loss = part.loss { sum.invalid.append("agent \(link.name) was lost: \(loss)") }
            }
            return (sum, parts.map(\.observations))
        }
    }

    /// As `RunStop.abort`.
    package func abort(_ reason: String) {
        state.withLock { $0.abortReason = $0.abortReason ?? reason }
        for link in links { link.abort(reason) }
    }

    private func sum(_ parts: [Part]) -> RunRecord {
        var records = parts.compactMap { $0.result ?? $0.picture }
        guard !records.isEmpty else {
            return RunRecord(scenario: scenario, environment: environment, startedAtMicroseconds: 0)
        }
        var sum = records.removeFirst()
        sum.scenario = scenario
        sum.environment = environment
        for record in records { sum.merge(record) }
        return sum
    }

    private func follow(_ index: Int) {
        do {
            let (record, observations) = try links[index].follow { picture in
                state.withLock { state in
                    state.parts[index].picture = picture
                    state.isNew = true
                }
            }
            state.withLock { state in
                state.parts[index].result = record
                state.parts[index].observations = observations
                state.isNew = true
            }
        } catch { lose(index, "\(error)") }
    }

    private func lose(_ index: Int, _ why: String) {
        state.withLock { state in
            if !state.parts[index].isOver { state.parts[index].loss = why }
            state.isNew = true
        }
    }
}
