import Core
import LoadPlan
import LoadRecord

/// What a run over several agents has seen.
package struct AgentRunResult: Sendable {
    /// The sum of what the agents saw.
    package var record: RunRecord
    /// What each agent's observer has seen, in the order of the agents; nil: the agent was lost.
    package var observations: [[UInt8]?]
}

/// One run over several agents: each sends its part of the planned requests from the same moment on, and what they saw is added up.
///
/// The events of the scenario are run here, and its objectives judged here, not by the agents. When one agent is lost the others are stopped:
/// what is left is not the planned load.
package final class AgentRun: Sendable {
    private struct Part {
        var picture: RunRecord?
        var result: RunRecord?
        var observations: [UInt8]?
        var loss: String?
        var isOver: Bool { result != nil || loss != nil }
    }

    private struct State {
        var parts: [Part]
        var isNew = false
        var abortReason: String?
        var aborts = 0
    }

    private let scenario: Scenario
    private let environment: RunEnvironment
    private let endsEarly: Bool
    private let links: [AgentLink]
    private let state: Monitor<State>

    /// From the order to begin to the first planned time: every agent has to hear of it before.
    private static let leadNanoseconds: UInt64 = 200_000_000

    /// Reaches the agents, gives them their orders, and waits until all are ready. Throws before any load.
    ///
    /// - Parameters:
    ///   - token: which the agents hold too; nil: they have none.
    ///   - isChecked: whether what answers said is wanted, as the result's observations.
    ///   - endsEarly: ends the run as soon as an objective cannot be met any more.
    package init(
        _ scenario: Scenario, _ population: Population, runName: String, target: LoadTarget, agents: [AgentAddress],
        token: AgentToken? = nil, environment: RunEnvironment, isChecked: Bool = false, endsEarly: Bool = false
    ) throws(LoadSetUpError) {
        try Self.check(scenario, agents)
        try EventRunner.check(scenario.events)
        self.scenario = scenario
        self.environment = environment
        self.endsEarly = endsEarly
        var order = AgentOrder(
            scenario: scenario, target: try target.carryingCertificates(), runName: runName, agent: 0, agents: agents.count,
            name: "", memberCount: population.members.count, isChecked: isChecked)
        order.scenario.events = []
        var links: [AgentLink] = []
        for address in agents { links.append(try AgentLink(address, token: token)) }
        self.links = links
        state = Monitor(State(parts: links.map { _ in Part() }))
        try prepare(order, population)
    }

    deinit { for link in links { link.hangUp() } }

    private static func check(_ scenario: Scenario, _ agents: [AgentAddress]) throws(LoadSetUpError) {
        guard (1...AgentOrder.agentsMax).contains(agents.count) else {
            throw LoadSetUpError(.agent, "name 1 to \(AgentOrder.agentsMax) agents")
        }
        for (index, agent) in agents.enumerated() where agents[..<index].contains(agent) {
            throw LoadSetUpError(.agent, "agent \(agent) is named twice")
        }
        // A share of none would be rounded up, and the load not be the planned one.
        var shared = [(scenario.connections, "connections"), (scenario.maxInFlight, "max_in_flight")]
        for phase in scenario.phases { if case .closed(let inFlight) = phase.shape { shared.append((inFlight, "in_flight")) } }
        for (total, name) in shared where total < agents.count {
            throw LoadSetUpError(
                .agent, "\(name) is \(total), which \(agents.count) agents cannot share; give at least \(agents.count)")
        }
    }

    /// All at once: a large network takes its time on the way and in each agent's hands.
    private func prepare(_ order: AgentOrder, _ population: Population) throws(LoadSetUpError) {
        let answers = Monitor([Int: LoadSetUpError?]())
        for (index, link) in links.enumerated() {
            var mine = order
            mine.agent = index
            mine.name = link.name
            let (given, members) = (mine, population)
            let isStarted = DetachedThread.start {
                var failure: LoadSetUpError?
                do throws(LoadSetUpError) { try link.prepare(given, members) } catch { failure = error }
                let answer = failure
                answers.withLock { $0[index] = .some(answer) }
            }
            guard isStarted else { throw LoadSetUpError(.resources, "no thread for agent \(link.name)") }
        }
        let count = links.count
        let failures = answers.wait(until: .never) { answers -> [LoadSetUpError?]? in
            answers.count == count ? answers.sorted { $0.key < $1.key }.map(\.value) : nil
        }
        if let failure = failures?.compactMap(\.self).first { throw failure }
    }

    /// Runs the load to its end on the calling thread.
    ///
    /// - Parameter progress: called about once a second with the sum of what is known.
    /// - Throws: when an agent is lost before the load has begun.
    package func run(progress: (RunRecord) -> Void = { _ in }) throws(LoadSetUpError) -> AgentRunResult {
        // Now, and not when the first of the agents was asked: clocks drift while the others get ready.
        for link in links { try link.measureClock() }
        let begin = monotonicNow() + Self.leadNanoseconds
        let warmUp = UInt64((scenario.warmUpSeconds * 1e9).rounded())
        let startedAtMicroseconds = Int64(bitPattern: begin + warmUp) / 1000 + clockShift()
        let events = EventRunner(scenario.events, begin: begin + warmUp)
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
            if let lost = parts.firstIndex(where: { $0.loss != nil }) { abortOnce("agent \(links[lost].name) was lost") }
            let isOver = parts.allSatisfy(\.isOver)
            // Once a second, when all agents have told theirs: of some alone a gap could look longer than it is.
            guard isOver || parts.allSatisfy({ $0.isOver || $0.picture != nil }) else { continue }
            var sum = sum(parts)
            sum.startedAtMicroseconds = startedAtMicroseconds
            guard isOver else {
                sum.events = events.records
                if endsEarly, let reason = EarlyEnd.reason(sum, scenario.objectives) { abortOnce(reason) }
                progress(sum)
                state.withLock { state in for index in state.parts.indices { state.parts[index].picture = nil } }
                continue
            }
            let isHurried = state.withLock(wake: .nobody) { $0.aborts > 1 }
            sum.events = events.finish(milliseconds: isHurried ? 0 : EventRunner.patienceMilliseconds)
            sum.aborted = state.withLock { $0.abortReason } ?? sum.aborted
            return AgentRunResult(record: sum, observations: parts.map(\.observations))
        }
    }

    /// As `RunStop.abort`.
    package func abort(_ reason: String) {
        state.withLock {
            $0.abortReason = $0.abortReason ?? reason
            $0.aborts += 1
        }
        for link in links { link.abort(reason) }
    }

    /// A reason that is seen again and again must not count as a second order, which would end at once.
    private func abortOnce(_ reason: String) {
        let isFirst = state.withLock(wake: .nobody) { state in
            defer { state.abortReason = state.abortReason ?? reason }
            return state.abortReason == nil
        }
        guard isFirst else { return }
        for link in links { link.abort(reason) }
    }

    /// What is known of all agents together, each one's reasons to be invalid under its name.
    private func sum(_ parts: [Part]) -> RunRecord {
        var sum = RunRecord(scenario: scenario, environment: environment, startedAtMicroseconds: 0)
        var isFirst = true
        for (link, part) in zip(links, parts) {
            if let loss = part.loss { sum.invalid.append("agent \(link.name) was lost: \(loss)") }
            guard part.loss == nil, var seen = part.result ?? part.picture else { continue }
            seen.invalid = seen.invalid.map { "agent \(link.name): \($0)" }
            for index in seen.agents.indices {
                seen.agents[index].clockErrorMicroseconds = Double(link.clockErrorNanoseconds) / 1000
            }
            let invalid = sum.invalid
            if isFirst {
                sum = seen
                sum.scenario = scenario
                sum.environment = environment
                sum.invalid = invalid + seen.invalid
            } else {
                sum.merge(seen)
            }
            isFirst = false
        }
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
        links[index].hangUp()
        state.withLock { state in
            if !state.parts[index].isOver { state.parts[index].loss = why }
            state.isNew = true
        }
    }
}
