/// How a figure of a run varies, from the run itself: its windows are drawn again with replacement, in blocks of neighbours because a second resembles the one
/// before it.
///
/// The circular block bootstrap: blocks begin anywhere and go on from the last window to the first, so that every window is drawn equally often. Blocks have
/// n^(1/3) windows. What it cannot see is how runs differ from each other: other neighbours on the machine, another layout of memory.
///
/// Sources: Künsch, "The Jackknife and the Bootstrap for General Stationary Observations", Annals of Statistics 17 (1989); Politis and Romano, "A circular
/// block-resampling procedure for stationary data" (1992); the length of blocks: Hall, Horowitz and Jing, "On blocking rules for the bootstrap with dependent
/// data", Biometrika 82 (1995).
struct BlockBootstrap {
    /// SplitMix64: the same seed gives the same intervals.
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// How often each of `count` windows is drawn in one resample; `count` in all.
    mutating func draw(count: Int) -> [Int] {
        var times = [Int](repeating: 0, count: count)
        let blockLength = Self.blockLength(count: count)
        var left = count
        while left > 0 {
            let start = Int(next().multipliedFullWidth(by: UInt64(count)).high)
            for offset in 0..<min(blockLength, left) { times[(start + offset) % count] += 1 }
            left -= min(blockLength, left)
        }
        return times
    }

    /// The least whole number whose cube is at least `count`.
    static func blockLength(count: Int) -> Int {
        var length = 1
        while length * length * length < count { length += 1 }
        return length
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// What happened in consecutive windows of one run, ready to be drawn again.
struct WindowedSample {
    /// One window, or some that were put together.
    struct Part {
        var histogram: TimeHistogram
        var answered = 0
        var errors = 0
        var requests = 0
        var seconds: Double
    }

    /// A long run's windows are put together, so that comparing takes the same time.
    static let partsMax = 120

    let parts: [Part]
    /// The times of all buckets in use, ascending.
    private let times: [UInt64]
    /// Of each part: places in `times`, and counts.
    private let buckets: [(places: [Int], counts: [Int])]

    init(_ parts: [Part]) {
        let width = max(1, (parts.count + Self.partsMax - 1) / Self.partsMax)
        self.parts = stride(from: 0, to: parts.count, by: width).map { from in
            var joined = parts[from]
            for part in parts[(from + 1)..<min(from + width, parts.count)] {
                joined.histogram.add(part.histogram)
                joined.answered += part.answered
                joined.errors += part.errors
                joined.requests += part.requests
                joined.seconds += part.seconds
            }
            return joined
        }
        var seen: Set<UInt64> = []
        for part in self.parts { part.histogram.forEachBucket { time, _ in seen.insert(time) } }
        times = seen.sorted()
        let place = Dictionary(uniqueKeysWithValues: times.enumerated().map { ($0.element, $0.offset) })
        buckets = self.parts.map { part in
            var places: [Int] = []
            var counts: [Int] = []
            part.histogram.forEachBucket { time, count in
                places.append(place[time] ?? 0)
                counts.append(Int(clamping: count))
            }
            return (places, counts)
        }
    }

    /// The figures of a resample that has each part so often.
    struct Figures {
        /// In the order of the percents asked for, microseconds; 0 of none.
        var percentiles: [Double]
        var answerRate: Double
        var errorShare: Double
    }

    func figures(drawn: [Int], percents: [Double]) -> Figures {
        var counts = [Int](repeating: 0, count: times.count)
        var (answered, errors, requests, seconds) = (0, 0, 0, 0.0)
        for (index, often) in drawn.enumerated() where often > 0 {
            let part = parts[index]
            answered += often * part.answered
            errors += often * part.errors
            requests += often * part.requests
            seconds += Double(often) * part.seconds
            let (places, numbers) = buckets[index]
            for at in places.indices { counts[places[at]] += often * numbers[at] }
        }
        let total = counts.reduce(0, +)
        let ranks = percents.map { max(1, Int(($0 / 100 * Double(total)).rounded(.up))) }
        var percentiles = [Double](repeating: 0, count: percents.count)
        var below = 0
        for (place, count) in counts.enumerated() where count > 0 {
            for (index, rank) in ranks.enumerated() where rank > below && rank <= below + count {
                percentiles[index] = Double(times[place])
            }
            below += count
        }
        return Figures(
            percentiles: percentiles, answerRate: seconds > 0 ? Double(answered) / seconds : 0,
            errorShare: requests > 0 ? Double(errors) / Double(requests) : 0)
    }
}
