import LoadPlan
import Testing

/// The integral of a shape's rate from its begin to `t` seconds, by plain arithmetic.
private func integral(_ shape: ArrivalShape, seconds: Double, to t: Double) -> Double {
    switch shape {
    case .constant(let rate): return rate * t
    case .ramp(let from, let to): return from * t + (to - from) / seconds * t * t / 2
    case .steps(let from, let to, let steps):
        let length = seconds / Double(steps)
        return (0..<steps).reduce(0) { sum, step in
            let rate = steps == 1 ? from : from + (to - from) * Double(step) / Double(steps - 1)
            return sum + rate * max(0, min(t - Double(step) * length, length))
        }
    case .spike(let base, let peak, let at, let during):
        return base * t + (peak - base) * max(0, min(t - at, during))
    case .poisson, .replay, .closed: return .nan
    }
}

private let shapes: [(seconds: Double, shape: ArrivalShape)] = [
    (3, .constant(rate: 1000)), (60, .constant(rate: 33.3)), (0.0101, .constant(rate: 9_999_999)), (1000, .constant(rate: 0.01)),
    (10, .ramp(from: 0, to: 2000)), (10, .ramp(from: 2000, to: 0)), (7.3, .ramp(from: 10, to: 777.7)),
    (0.01, .ramp(from: 1_000_000, to: 3)), (10, .steps(from: 100, to: 500, steps: 5)), (9.1, .steps(from: 5000, to: 0, steps: 7)),
    (2, .steps(from: 50, to: 100, steps: 1)), (10, .spike(base: 100, peak: 5000, atSeconds: 4, forSeconds: 1.5)),
    (10, .spike(base: 0, peak: 300, atSeconds: 0, forSeconds: 20)), (5, .spike(base: 7, peak: 0, atSeconds: 1.25, forSeconds: 1)),
]

@Suite("Planned times")
struct ArrivalClockTests {
    @Test("at a constant rate every gap is the same, and a minute at 50,000 a second has exactly 3,000,000 requests")
    func constant() {
        let even = times(scenario((60, .constant(rate: 50_000))))
        #expect(even.count == 3_000_000)
        #expect(even.indices.allSatisfy { even[$0] == UInt64($0) * 20_000 })
    }

    @Test(
        "a rate whose gap is no whole number of nanoseconds does not drift: each time is the exact one rounded down",
        arguments: [3, 7, 33_333, 999_983])
    func uneven(rate: Int) {
        let times = times(scenario((Double(300_000) / Double(rate), .constant(rate: Double(rate)))))
        #expect((299_999...300_001).contains(times.count))
        #expect(times.indices.allSatisfy { times[$0] == UInt64($0) * 1_000_000_000 / UInt64(rate) })
    }

    @Test("after seven days the last request of a constant rate is where arithmetic in whole numbers puts it")
    func days() {
        var clock = ArrivalClock(scenario((7 * 86_400, .constant(rate: 1.3))))
        var count: UInt64 = 0
        var last: UInt64 = 0
        while let time = clock.next() {
            last = time
            count += 1
        }
        // 604,800 s at 1.3 a second.
        #expect(count == 786_240)
        #expect(last == (count - 1) * 10_000_000_000 / 13)
    }

    @Test("up to any moment there are as many requests as the integral of the rate says", arguments: shapes.indices)
    func counts(index: Int) {
        let (seconds, shape) = shapes[index]
        let times = times(scenario((seconds, shape)))
        for part in 1...200 {
            let moment = seconds * Double(part) / 200
            let planned = Double(times.count { Double($0) < moment * 1e9 })
            let wanted = integral(shape, seconds: seconds, to: moment)
            // A nanosecond of ten million requests a second is a hundredth of one.
            #expect(abs(planned - wanted) <= 1.01, "\(shape) at \(moment) s: \(planned), integral \(wanted)")
        }
    }

    @Test("planned times ascend and stay within their phase", arguments: shapes.indices)
    func ascending(index: Int) {
        let (seconds, shape) = shapes[index]
        let times = times(scenario((seconds, shape)))
        #expect(!times.isEmpty)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(times.allSatisfy { Double($0) < seconds * 1e9 })
    }

    @Test(
        "a ramp follows the closed formula within two nanoseconds",
        arguments: [(10.0, 2000.0, 10.0), (2000, 10, 10), (1, 100_000, 3), (500_000, 1, 1.5)])
    func ramp(from: Double, to: Double, seconds: Double) {
        let times = times(scenario((seconds, .ramp(from: from, to: to))))
        let slope = (to - from) / seconds
        for (k, time) in times.enumerated() {
            let exact = (-from + (from * from + 2 * Double(k) * slope).squareRoot()) / slope * 1e9
            #expect(abs(Double(time) - exact) <= 2, "request \(k)")
        }
    }

    @Test("a ramp down to nothing keeps its last requests where a ramp up from nothing has its first")
    func rampDown() {
        // At these rates the plain formula's difference of large numbers is off by microseconds.
        let up = times(scenario((100, .ramp(from: 0, to: 1000))))
        let down = times(scenario((100, .ramp(from: 1000, to: 0))))
        #expect(up.count == 50_000 && down.count == 50_000)
        for k in 1..<1000 { #expect(abs(Int(down[50_000 - k]) - (100_000_000_000 - Int(up[k]))) <= 2) }
    }

    @Test("from one phase to the next the integral goes on: three phases at one rate are as even as one")
    func phases() {
        let whole = times(scenario((3, .constant(rate: 33.3))))
        let parts = times(scenario((0.7, .constant(rate: 33.3)), (1.1, .constant(rate: 33.3)), (1.2, .constant(rate: 33.3))))
        #expect(whole.count == parts.count)
        #expect(zip(whole, parts).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
        let mixed = times(scenario((2.05, .constant(rate: 10)), (1, .ramp(from: 10, to: 30)), (1, .constant(rate: 30))))
        #expect(mixed.count == 71)
        #expect(mixed[20] == 2_000_000_000 && mixed[21] > 2_050_000_000)
    }

    @Test("a phase at rate 0 is silent")
    func silence() {
        let times = times(scenario((1, .constant(rate: 2)), (5, .constant(rate: 0)), (1, .constant(rate: 2))))
        #expect(times == [0, 500_000_000, 6_000_000_000, 6_500_000_000])
    }

    @Test("the warm-up comes first, at the rate the first phase begins with, and leaves the measured time as it is")
    func warmUp() {
        let shape = ArrivalShape.ramp(from: 10, to: 30)
        let alone = times(scenario((4, shape)))
        let warmed = scenario((4, shape), warmUp: 1.23)
        let all = times(warmed)
        let warmUp = all.prefix { $0 < 1_230_000_000 }
        #expect(Array(warmUp) == (0..<13).map { UInt64($0) * 100_000_000 })
        #expect(all.dropFirst(13).map { $0 - 1_230_000_000 } == alone)
        #expect(ArrivalClock(warmed).warmUpNanoseconds == 1_230_000_000)
        #expect(ArrivalClock(warmed).endNanoseconds == 5_230_000_000)
    }

    @Test(
        "the agents' shares together are what one agent would send, each with the numbers that are its own",
        arguments: [1, 2, 3, 7])
    func agents(count: Int) {
        let shared = scenario((2, .ramp(from: 50, to: 900)), (1, .poisson(rate: 777)), (1, .constant(rate: 100)), warmUp: 0.5)
        let all = times(shared)
        var seen = [UInt64?](repeating: nil, count: all.count)
        for agent in 0..<count {
            var clock = ArrivalClock(shared, agent: agent, of: count)
            while let time = clock.next() {
                #expect(clock.number % count == agent)
                #expect(seen[clock.number] == nil)
                seen[clock.number] = time
            }
        }
        #expect(seen == all.map { $0 })
    }

    @Test("a recorded file is replayed as it is, up to the end of its phase")
    func replay() {
        let offsets: [UInt64] = [0, 5, 5, 1_000_000, 999_999_999, 1_000_000_000]
        let replayed = scenario((1, .replay(file: "a", offsetsNanoseconds: offsets)), (1, .constant(rate: 1)))
        #expect(times(replayed) == [0, 5, 5, 1_000_000, 999_999_999, 1_000_000_000])
        let warmed = scenario((1, .replay(file: "a", offsetsNanoseconds: offsets)), warmUp: 2)
        #expect(times(warmed).count == 12 + 5)
        #expect(times(warmed)[12...] == [2_000_000_000, 2_000_000_005, 2_000_000_005, 2_001_000_000, 2_999_999_999])
    }

    @Test("a closed loop has no planned times and says how many are in flight")
    func closed() {
        #expect(times(scenario((10, .closed(inFlight: 64)), warmUp: 1)).isEmpty)
        #expect(ArrivalClock(scenario((10, .closed(inFlight: 64)))).closedInFlight == 64)
        #expect(ArrivalClock(scenario((10, .constant(rate: 1)))).closedInFlight == nil)
    }
}
