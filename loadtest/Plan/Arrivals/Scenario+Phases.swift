extension Scenario {
    func checkPhases() throws(ScenarioFault) {
        guard (1...Self.phasesMax).contains(phases.count) else {
            throw ScenarioFault("phases", "there are \(phases.count) phases; write 1 to \(Self.phasesMax)")
        }
        var names: Set<String> = []
        var planned = 0.0
        for (index, phase) in phases.enumerated() {
            let field = "phases[\(index)]"
            guard !phase.name.isEmpty, phase.name.count <= Self.textCharactersMax else {
                throw ScenarioFault("\(field).name", "a phase's name has 1 to \(Self.textCharactersMax) characters")
            }
            guard names.insert(phase.name).inserted else {
                throw ScenarioFault("\(field).name", "there are two phases '\(phase.name)'; give one of them another name")
            }
            guard phase.seconds > 0 else { throw ScenarioFault("\(field).length", "a phase lasts more than 0 s") }
            try Self.within("\(field).length", phase.seconds, 0...Self.secondsMax, "seconds")
            try check(phase, field)
            planned += phase.shape.requests(seconds: phase.seconds)
        }
        try Self.within("phases", seconds + warmUpSeconds, 0...Self.secondsMax, "seconds in all, with the warm-up")
        guard planned > 0 else { throw ScenarioFault("phases", "no request is planned in any phase; give one a rate") }
    }

    private func check(_ phase: Phase, _ field: String) throws(ScenarioFault) {
        let rates = 0...Self.rateMax
        switch phase.shape {
        case .constant(let rate): try Self.within("\(field).rate", rate, rates, "requests a second")
        case .poisson(let rate):
            try Self.within("\(field).rate", rate, rates, "requests a second")
            guard rate > 0 else {
                throw ScenarioFault("\(field).rate", "gaps at rate 0 have no end; for a pause take shape constant")
            }
        case .ramp(let from, let to):
            try Self.within("\(field).from", from, rates, "requests a second")
            try Self.within("\(field).to", to, rates, "requests a second")
        case .steps(let from, let to, let steps):
            try Self.within("\(field).from", from, rates, "requests a second")
            try Self.within("\(field).to", to, rates, "requests a second")
            try Self.within("\(field).steps", steps, 1...Self.stepsMax)
        case .spike(let base, let peak, let at, let during):
            try Self.within("\(field).base", base, rates, "requests a second")
            try Self.within("\(field).peak", peak, rates, "requests a second")
            try Self.within("\(field).at", at, 0...phase.seconds, "seconds, within the phase")
            try Self.within("\(field).for", during, 0...(phase.seconds - at), "seconds, to the phase's end")
        case .replay(_, let offsets):
            guard let last = offsets.last else { throw ScenarioFault("\(field).file", "no request is recorded in it") }
            guard zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }) else {
                throw ScenarioFault("\(field).file", "its offsets do not ascend; sort them")
            }
            guard last < nanoseconds(phase.seconds) else {
                throw ScenarioFault(
                    "\(field).length", "the last recorded request comes at \(Double(last) / 1e9) s; let the phase last longer")
            }
        case .closed(let inFlight):
            guard phases.count == 1 else {
                throw ScenarioFault(
                    "\(field).shape", "a closed loop has no planned times and must be the only phase; make two scenarios")
            }
            try Self.within("\(field).in_flight", inFlight, 1...maxInFlight, "(max_in_flight)")
        }
    }

    /// How many requests are planned in the measured time; of Poisson arrivals their mean. Nil of a closed loop, where nobody knows.
    package var plannedRequests: Double? {
        if phases.contains(where: { if case .closed = $0.shape { true } else { false } }) { return nil }
        return phases.reduce(0) { $0 + $1.shape.requests(seconds: $1.seconds) }
    }

    /// About how many transactions that is; nil of a closed loop.
    package var plannedTransactions: Double? {
        let weights = operations.reduce(0.0) { $0 + $1.weight }
        let perRequest = operations.reduce(0.0) { sum, one in
            if case .transactions(let batch, _) = one.operation { sum + one.weight * Double(batch) } else { sum }
        }
        return plannedRequests.map { weights > 0 ? $0 * perRequest / weights : 0 }
    }
}

extension ArrivalShape {
    /// The integral of the rate.
    fileprivate func requests(seconds: Double) -> Double {
        switch self {
        case .constant(let rate), .poisson(let rate): rate * seconds
        case .ramp(let from, let to): (from + to) / 2 * seconds
        case .steps(let from, let to, let steps): steps == 1 ? from * seconds : (from + to) / 2 * seconds
        case .spike(let base, let peak, _, let during): base * seconds + (peak - base) * during
        case .replay(_, let offsets): Double(offsets.count)
        case .closed(let inFlight): Double(inFlight)
        }
    }
}
