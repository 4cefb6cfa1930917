import LoadPlan
import LoadRecord

/// One run of a scenario against a target, as one agent of several or alone: what to send, and to whom. `prepare` opens its connections.
package struct LoadRun: ~Copyable, Sendable {
    private let part: RunPart
    private let endsEarly: Bool

    /// - Parameters:
    ///   - times: the planned times of this agent, and of no other.
    ///   - agent: which of `agents`, from 0. Only the first one runs the scenario's events.
    ///   - endsEarly: ends the run as soon as an objective cannot be met any more.
    ///   - observer: called on the sending thread.
    package init(
        _ scenario: Scenario, times: sending any PlannedTimes, source: sending any RequestSource, target: LoadTarget,
        environment: RunEnvironment, agent: Int = 0, of agents: Int = 1, name: String = "local", endsEarly: Bool = false,
        observer: sending AnswerObserver? = nil
    ) {
        part = RunPart(
            scenario: scenario, target: target, environment: environment, agent: agent, agents: agents, name: name, times: times,
            source: source, observer: observer)
        self.endsEarly = endsEarly
    }

    /// A run as its scenario says.
    package init(
        _ scenario: Scenario, _ maker: RequestMaker, target: LoadTarget, environment: RunEnvironment, agent: Int = 0,
        of agents: Int = 1, name: String = "local", endsEarly: Bool = false, observer: sending AnswerObserver? = nil
    ) {
        self.init(
            scenario, times: ArrivalClock(scenario, agent: agent, of: agents), source: maker, target: target,
            environment: environment, agent: agent, of: agents, name: name, endsEarly: endsEarly, observer: observer)
    }

    /// Opens all connections. Throws what a person has to mend first; nothing has been sent then.
    package consuming func prepare() throws(LoadSetUpError) -> PreparedRun {
        let events = part.agent == 0 ? part.scenario.events : []
        try EventRunner.check(events)
        let sending = LoadSending(part)
        try sending.start()
        return PreparedRun(sending, events: events, endsEarly: endsEarly)
    }

    /// Prepares and runs it, for whom there is nothing to do in between.
    package consuming func run(progress: (RunRecord) -> Void = { _ in }) throws(LoadSetUpError) -> RunRecord {
        try prepare().run(progress: progress)
    }
}
