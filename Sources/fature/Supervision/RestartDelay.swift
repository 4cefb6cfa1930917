/// How long a process that died waits for its next start.
enum RestartDelay {
    static let firstMilliseconds = 200
    static let millisecondsMax = 10_000
    /// A process that ran this long counts as well; its earlier failures are forgotten.
    static let stableMilliseconds = 30_000

    /// After `failures` failures in a row (1, 2, …): 200 ms, doubled each time, 10 s at most.
    static func milliseconds(failures: Int) -> Int {
        let doublings = min(max(failures - 1, 0), 16)
        return min(firstMilliseconds << doublings, millisecondsMax)
    }
}
