import Core
import Store
import Telemetry
import Testing

@testable import Gateway

@Suite struct LatencyWindowTests {
    private static let second: MonotonicNanoseconds = 1_000_000_000

    /// Adds a sample every half second; `count` durations have been recorded before each.
    private struct Flow {
        var window = LatencyWindow()
        var sample = LoadSample()
        var now: MonotonicNanoseconds = 1_000_000_000_000

        mutating func turn(_ count: Int, nanoseconds: UInt64) -> GatewayReport {
            for _ in 0..<count { sample.durations.record(nanoseconds: nanoseconds) }
            now += LatencyWindowTests.second / 2
            return window.add(sample, at: now)
        }
    }

    @Test("the first sample, and a window without requests, say nothing of the latency")
    func empty() {
        var flow = Flow()
        #expect(flow.turn(100, nanoseconds: 1000) == GatewayReport())
        #expect(flow.turn(0, nanoseconds: 0) == GatewayReport())
    }

    @Test("slow requests count until the window has passed over them, and no longer")
    func recent() {
        var flow = Flow()
        _ = flow.turn(0, nanoseconds: 0)
        let slow = flow.turn(500, nanoseconds: 200_000_000)
        #expect(slow.requestsPerSecond == 1000)
        #expect((100_000...250_000).contains(slow.p99Microseconds ?? 0))
        // 19 half seconds later the slow ones are in the window still, 21 later they are not.
        var report = slow
        for _ in 0..<19 { report = flow.turn(50, nanoseconds: 80_000) }
        #expect((100_000...250_000).contains(report.p99Microseconds ?? 0))
        for _ in 0..<2 { report = flow.turn(50, nanoseconds: 80_000) }
        #expect((50...100).contains(report.p99Microseconds ?? 0))
        #expect(report.requestsPerSecond == 100)
        for _ in 0..<21 { report = flow.turn(0, nanoseconds: 0) }
        #expect(report == GatewayReport())
    }

    @Test("a gateway that slept reports what was since it fell asleep, and samples are bounded")
    func bounded() {
        var flow = Flow()
        _ = flow.turn(10, nanoseconds: 1000)
        flow.now += 3600 * Self.second
        #expect(flow.turn(7200, nanoseconds: 1000).requestsPerSecond == 2)
        for _ in 0..<1000 {
            flow.now -= Self.second / 2 - 1
            _ = flow.turn(1, nanoseconds: 1000)
        }
        #expect(flow.turn(0, nanoseconds: 0).p99Microseconds ?? 0 <= 50)
    }
}
