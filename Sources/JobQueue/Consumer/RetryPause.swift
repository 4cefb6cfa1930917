/// How long to wait before something that failed is tried again: doubling, with jitter, so that many do not come back at one moment.
package struct RetryPause: Sendable {
    let firstMilliseconds: Int
    let millisecondsMax: Int
    private var failures = 0

    package init(firstMilliseconds: Int, millisecondsMax: Int) {
        self.firstMilliseconds = firstMilliseconds
        self.millisecondsMax = millisecondsMax
    }

    /// Redis away: back soon, since it is on the same network.
    static let redis = RetryPause(firstMilliseconds: 50, millisecondsMax: 2_000)
    /// A handler that cannot work.
    static let handler = RetryPause(firstMilliseconds: 50, millisecondsMax: 5_000)

    package mutating func succeeded() { failures = 0 }

    /// The wait after one more failure, in milliseconds: between half and all of the doubled step.
    package mutating func failed() -> Int {
        let step = min(firstMilliseconds << min(failures, 12), millisecondsMax)
        failures += 1
        return Int.random(in: step / 2...step)
    }
}
