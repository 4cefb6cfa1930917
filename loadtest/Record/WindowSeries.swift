/// The windows of a run, from its first second on: one a second, until there would be too many. Then each takes in its neighbour and is twice as long, and so on:
/// a run of a week keeps as many as one of half an hour, and nothing is lost but where within its window something was.
package struct WindowSeries: Sendable {
    /// A window's histogram takes 26 KB.
    package static let windowsMax = 1800

    /// The length of a window, a power of two. The last one may be shorter.
    package private(set) var secondsEach = 1
    package private(set) var windows: [WindowRecord] = []
    /// How many seconds they hold.
    package private(set) var seconds = 0

    package init() {}

    /// Those of a record.
    init(_ windows: [WindowRecord], secondsEach: Int) {
        self.windows = windows
        self.secondsEach = secondsEach
        seconds = windows.count * secondsEach
    }

    /// Adds the next second.
    package mutating func append(_ second: WindowRecord) {
        if seconds % secondsEach == 0 {
            if windows.count == Self.windowsMax { coarsen() }
        }
        if seconds % secondsEach == 0 {
            windows.append(second)
        } else {
            windows[windows.count - 1].add(following: second)
        }
        seconds += 1
    }

    /// Each window takes in its neighbour.
    private mutating func coarsen() {
        var pairs: [WindowRecord] = []
        pairs.reserveCapacity(Self.windowsMax)
        for index in stride(from: 0, to: windows.count, by: 2) {
            var window = windows[index]
            if index + 1 < windows.count { window.add(following: windows[index + 1]) }
            pairs.append(window)
        }
        windows = pairs
        secondsEach *= 2
    }

    /// Adds what another agent saw of the same seconds; the coarser of both says how long windows are.
    mutating func add(_ other: Self) {
        var other = other
        while secondsEach < other.secondsEach { coarsen() }
        while other.secondsEach < secondsEach { other.coarsen() }
        for (index, theirs) in other.windows.enumerated() {
            if index < windows.count { windows[index].add(theirs) } else { windows.append(theirs) }
        }
        seconds = max(seconds, other.seconds)
    }
}

extension WindowRecord {
    /// Adds what another agent saw of the same time.
    package mutating func add(_ other: Self) {
        let inFlight = inFlightMax + other.inFlightMax
        add(following: other)
        inFlightMax = inFlight
    }

    /// Adds the time behind it.
    package mutating func add(following other: Self) {
        planned += other.planned
        overflow += other.overflow
        outcomes.add(other.outcomes)
        answered += other.answered
        response.add(other.response)
        slipMaxMicroseconds = max(slipMaxMicroseconds, other.slipMaxMicroseconds)
        inFlightMax = max(inFlightMax, other.inFlightMax)
    }

    /// Requests that did not end `ok`, overflow included.
    package var errors: Int { outcomes.errors + overflow }
}
