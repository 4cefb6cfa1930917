/// A stretch of a run with one way to plan its requests: a phase has one or several.
struct ArrivalStage {
    enum Content {
        case segment(RateSegment)
        case poisson(PoissonGaps)
        case replay([UInt64])
        /// A closed loop plans nothing.
        case silence
    }

    let nanoseconds: UInt64
    let content: Content
    /// The first one of the measured time.
    var isMeasuredBegin = false

    /// The warm-up's and all phases' stages, in order.
    static func stages(of scenario: Scenario) -> [ArrivalStage] {
        var stages: [ArrivalStage] = []
        if let first = scenario.phases.first, scenario.warmUpSeconds > 0 {
            let warmUp = Phase(name: "", seconds: scenario.warmUpSeconds, shape: first.shape.beginning(seconds: first.seconds))
            stages += Self.stages(of: warmUp, scatter: Scatter(seed: scenario.seed, stream: Streams.arrivals, number: 0))
        }
        for (index, phase) in scenario.phases.enumerated() {
            var own = Self.stages(of: phase, scatter: Scatter(seed: scenario.seed, stream: Streams.arrivals, number: index + 1))
            if index == 0, !own.isEmpty { own[0].isMeasuredBegin = true }
            stages += own
        }
        return stages
    }

    private static func stages(of phase: Phase, scatter: Scatter) -> [ArrivalStage] {
        let whole = LoadPlan.nanoseconds(phase.seconds)
        switch phase.shape {
        case .constant(let rate): return [straight(whole, rate, rate)]
        case .ramp(let from, let to): return [straight(whole, from, to)]
        case .poisson(let rate):
            guard rate > 0 else { return [ArrivalStage(nanoseconds: whole, content: .silence)] }
            return [
                ArrivalStage(
                    nanoseconds: whole, content: .poisson(PoissonGaps(nanoseconds: whole, rate: rate, scatter: scatter)))
            ]
        case .steps(let from, let to, let steps):
            let count = max(steps, 1)
            return (0..<count).map { step in
                // Boundaries are rounded, not lengths: the phase keeps its own.
                let begin = UInt64(UInt128(whole) * UInt128(step) / UInt128(count))
                let end = UInt64(UInt128(whole) * UInt128(step + 1) / UInt128(count))
                let rate = count == 1 ? from : from + (to - from) * Double(step) / Double(count - 1)
                return straight(end - begin, rate, rate)
            }
        case .spike(let base, let peak, let atSeconds, let forSeconds):
            let begin = min(LoadPlan.nanoseconds(atSeconds), whole)
            let end = min(LoadPlan.nanoseconds(atSeconds + forSeconds), whole)
            return [straight(begin, base, base), straight(end - begin, peak, peak), straight(whole - end, base, base)]
        case .replay(_, let offsets): return [ArrivalStage(nanoseconds: whole, content: .replay(offsets))]
        case .closed: return [ArrivalStage(nanoseconds: whole, content: .silence)]
        }
    }

    private static func straight(_ nanoseconds: UInt64, _ from: Double, _ to: Double) -> ArrivalStage {
        ArrivalStage(
            nanoseconds: nanoseconds,
            content: .segment(RateSegment(nanoseconds: nanoseconds, from: millionths(from), to: millionths(to))))
    }
}

extension ArrivalShape {
    /// The same load as at the shape's begin, without end: the warm-up's.
    fileprivate func beginning(seconds: Double) -> ArrivalShape {
        switch self {
        case .constant, .poisson, .closed: self
        case .ramp(let from, _), .steps(let from, _, _): .constant(rate: from)
        case .spike(let base, _, _, _): .constant(rate: base)
        case .replay(_, let offsets): .constant(rate: seconds > 0 ? Double(offsets.count) / seconds : 0)
        }
    }
}

/// Seconds as whole nanoseconds, within what a scenario may last.
func nanoseconds(_ seconds: Double) -> UInt64 {
    seconds > 0 ? UInt64((min(seconds, Scenario.secondsMax) * 1e9).rounded()) : 0
}

/// A rate in millionths of a request a second, within what a scenario may ask for.
private func millionths(_ rate: Double) -> UInt64 { rate > 0 ? UInt64((min(rate, Scenario.rateMax) * 1e6).rounded()) : 0 }
