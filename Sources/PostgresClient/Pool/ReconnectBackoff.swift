/// How long to wait before the next attempt to connect: doubling from `firstMilliseconds` to `millisecondsMax`, with full
/// jitter so that many clients do not come back at the same moment.
struct ReconnectBackoff {
    static let firstMilliseconds = 50
    static let millisecondsMaxDefault = 2000

    let millisecondsMax: Int
    private(set) var failures = 0

    init(millisecondsMax: Int = millisecondsMaxDefault) { self.millisecondsMax = millisecondsMax }

    mutating func succeeded() { failures = 0 }

    /// The wait after one more failure: between half and all of the doubled step.
    mutating func failed(using random: inout some RandomNumberGenerator) -> Int {
        let step = min(Self.firstMilliseconds << min(failures, 10), millisecondsMax)
        failures += 1
        return Int.random(in: step / 2...step, using: &random)
    }
}
