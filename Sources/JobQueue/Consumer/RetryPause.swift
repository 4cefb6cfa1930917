/// How long to wait before something that failed is tried again: doubling, with jitter, so that many do not come back at one moment.
struct RetryPause {
    let firstMilliseconds: Int
    let millisecondsMax: Int
    private var failures = 0

    init(firstMilliseconds: Int, millisecondsMax: Int) {
        self.firstMilliseconds = firstMilliseconds
        self.millisecondsMax = millisecondsMax
    }

    /// Redis away: back soon, since it is on the same network.
    static let redis = RetryPause(firstMilliseconds: 50, millisecondsMax: 2_000)
    /// A handler that cannot work.
    static let handler = RetryPause(firstMilliseconds: 50, millisecondsMax: 5_000)

    mutating func succeeded() { failures = 0 }

    /// The wait after one more failure: between half and all of the doubled step.
    mutating func failed() -> Int {
        let step = min(firstMilliseconds << min(failures, 12), millisecondsMax)
        failures += 1
        return Int.random(in: step / 2...step)
    }
}
