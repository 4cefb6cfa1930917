import Core
import Store
import Telemetry

/// What one event loop has to say for the gateway's report.
struct LoadSample: Sendable {
    /// All durations since the start.
    var durations = LatencyHistogram()
    /// Requests that wait for a shard's new owner now.
    var parkedRequests = 0

    mutating func add(_ other: Self) {
        durations.add(other.durations)
        parkedRequests += other.parkedRequests
    }
}

/// The last seconds of counters that only ever rise: the difference between now and a sample as old as the window.
struct LatencyWindow {
    private var samples: [(durations: LatencyHistogram, at: MonotonicNanoseconds)] = []

    /// How far back the window reaches. Nanoseconds.
    static let length: MonotonicNanoseconds = 10_000_000_000
    /// Samples kept, however often they are taken.
    static let samplesMax = 64

    /// Takes a sample, and answers how the gateway did between the oldest one in the window and this.
    mutating func add(_ sample: LoadSample, at now: MonotonicNanoseconds) -> GatewayReport {
        // One sample that is as old as the window stays: it is where the window begins.
        while samples.count > 1, samples[1].at + Self.length <= now { samples.removeFirst() }
        if samples.count >= Self.samplesMax { samples.removeFirst() }
        samples.append((sample.durations, now))
        let recent = sample.durations.since(samples[0].durations)
        let elapsed = max(now - samples[0].at, 1)
        let perSecond = Double(recent.count) / (Double(elapsed) / 1e9)
        return GatewayReport(
            p99Microseconds: recent.quantile(perMille: 990).map { Int64(clamping: ($0 + 999) / 1000) },
            requestsPerSecond: samples.count > 1 ? Int64(perSecond.rounded()) : 0,
            parkedRequests: Int64(sample.parkedRequests))
    }
}
