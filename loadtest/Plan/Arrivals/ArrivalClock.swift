/// The planned times of a run: first the warm-up's, then those of the phases, ascending.
///
/// Where a shape is a rate (constant, ramp, steps, spike), request k leaves at the moment at which the integral of the rate passes k, counted
/// from 0 on through all phases of the measured time. So [0, T) holds as many requests as the integral up to T, rounded up, and a rate that
/// stays the same from one phase to the next stays even. `RateSegment` says how exactly. Poisson and replay stand for themselves.
///
/// The warm-up has the rate with which the first phase begins (of a replay, its mean one) and an integral of its own: the measured time does
/// not depend on it.
package struct ArrivalClock {
    /// Of a closed loop, which has no planned times: how many requests are always in flight.
    package let closedInFlight: Int?
    /// From the begin of the warm-up to that of the measured time, nanoseconds.
    package let warmUpNanoseconds: UInt64
    /// From the begin of the warm-up to the end of the measured time, nanoseconds.
    package let endNanoseconds: UInt64
    /// The number of the request whose time `next` gave last, over all agents; −1 before the first.
    package private(set) var number = -1

    private let agent: Int
    private let agents: Int
    private let stages: [ArrivalStage]
    private var nextStage = 0
    private var stageBegin: UInt64 = 0
    private var stageEnd: UInt64 = 0
    private var passed = -1

    private enum Kind { case segment, poisson, replay, silence }
    // One of each: what lies in an enum would be copied out and in for every request.
    private var kind = Kind.silence
    private var segment = RateSegment(nanoseconds: 0, from: 0, to: 0)
    private var poisson = PoissonGaps(nanoseconds: 0, rate: 1, scatter: Scatter(seed: 0, number: 0))
    private var replayed: [UInt64] = []
    private var nextReplayed = 0
    /// From which integral on the next request is planned, at the begin of the next segment.
    private var due: UInt128 = 0

    /// - Parameters:
    ///   - agent: which of the agents asks, from 0: it is given each request whose number is `agent` more than a multiple of `agents`.
    ///   - agents: how many agents share the load.
    package init(_ scenario: Scenario, agent: Int = 0, of agents: Int = 1) {
        precondition(agents > 0 && agent >= 0 && agent < agents, "agent \(agent) of \(agents) does not exist")
        self.agent = agent
        self.agents = agents
        warmUpNanoseconds = nanoseconds(scenario.warmUpSeconds)
        stages = ArrivalStage.stages(of: scenario)
        endNanoseconds = stages.reduce(0) { $0 + $1.nanoseconds }
        closedInFlight =
            scenario.phases.lazy.compactMap { if case .closed(let inFlight) = $0.shape { inFlight } else { nil } }.first
    }

    /// When the next request of this agent is planned, nanoseconds from the begin of the warm-up; nil when all are.
    package mutating func next() -> UInt64? {
        while let moment = nextOfAll() {
            passed += 1
            if agents == 1 || passed % agents == agent {
                number = passed
                return moment
            }
        }
        return nil
    }

    private mutating func nextOfAll() -> UInt64? {
        while true {
            switch kind {
            case .segment: if let moment = segment.next() { return stageBegin + moment }
            case .poisson: if let moment = poisson.next() { return stageBegin + moment }
            case .replay:
                if nextReplayed < replayed.count, stageBegin + replayed[nextReplayed] < stageEnd {
                    nextReplayed += 1
                    return stageBegin + replayed[nextReplayed - 1]
                }
            case .silence: break
            }
            guard enterNextStage() else { return nil }
        }
    }

    private mutating func enterNextStage() -> Bool {
        if kind == .segment { due = segment.dueBehindEnd }
        kind = .silence
        guard nextStage < stages.count else { return false }
        let stage = stages[nextStage]
        stageBegin = stageEnd
        stageEnd += stage.nanoseconds
        if stage.isMeasuredBegin { due = 0 }
        switch stage.content {
        case .segment(let next):
            segment = next
            segment.begin(due: due)
            kind = .segment
        case .poisson(let next):
            poisson = next
            kind = .poisson
        case .replay(let offsets):
            replayed = offsets
            nextReplayed = 0
            kind = .replay
        case .silence: break
        }
        nextStage += 1
        return true
    }
}
