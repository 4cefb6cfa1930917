/// Looks for the highest rate at which something holds: doubles while it does, then halves the distance between the highest rate that held and
/// the lowest that did not. What is tried, and whether it held, is the caller's.
package struct RateSearch: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        /// Try this many requests a second.
        case attempt(rate: Double)
        /// The highest rate that held; nil: not even the lowest one did.
        case found(rate: Double?)
    }

    /// Requests a second that held, the most of them.
    package private(set) var held: Double?
    /// Requests a second that did not hold, the fewest of them.
    package private(set) var missed: Double?
    private var next: Double
    private let lowest: Double
    private let highest: Double
    private let tolerance: Double
    private var attempts = 0

    /// However little is known by then.
    package static let attemptsMax = 40

    /// - Parameters:
    ///   - from: tried first, requests a second.
    ///   - lowest: below this nothing is tried.
    ///   - highest: above this neither.
    ///   - tolerance: the search ends when the distance is this share of the rate that held.
    package init(from: Double, lowest: Double = 1, highest: Double, tolerance: Double = 0.05) {
        precondition(lowest > 0 && from >= lowest && from <= highest && tolerance > 0)
        next = from
        self.lowest = lowest
        self.highest = highest
        self.tolerance = tolerance
    }

    package var step: Step {
        if let held, held >= highest { return .found(rate: held) }
        if let missed, missed <= lowest { return .found(rate: nil) }
        // Rates are whole numbers: there is none between neighbours.
        if let held, let missed, missed - held <= max(1, held * tolerance) { return .found(rate: held) }
        return attempts >= Self.attemptsMax ? .found(rate: held) : .attempt(rate: next)
    }

    /// How the attempt ended that `step` asked for.
    package mutating func tell(held isHeld: Bool) {
        guard case .attempt(let rate) = step else { return }
        attempts += 1
        if isHeld { held = max(held ?? 0, rate) } else { missed = min(missed ?? .infinity, rate) }
        switch (held, missed) {
        case (let held?, let missed?): next = ((held + missed) / 2).rounded()
        case (let held?, nil): next = min(held * 2, highest)
        case (nil, let missed?): next = max((missed / 2).rounded(), lowest)
        case (nil, nil): break
        }
    }
}
