import Core
import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("A server that stands still", .serialized)
struct StallTests {
    private static let rate = 2000
    private static let count = 6000

    private func server() throws -> NullServer {
        try NullServer(streamsMax: 8) { $0.number == 2000 ? .stall(milliseconds: 1000) : .status(200) }
    }

    /// How many of `histogram` took at least so long, as far as its buckets tell.
    private func slower(_ histogram: TimeHistogram, than microseconds: UInt64) -> Int {
        var count = 0
        histogram.forEachBucket { if $0 >= microseconds { count += Int($1) } }
        return count
    }

    @Test("one second of stillness shows in the response times as arithmetic says, and hardly in the service times")
    func stallShowsInResponse() throws {
        let server = try server()
        let begin = monotonicNow() + 50_000_000
        let run = TestLoad(count: Self.count, rate: Self.rate).run(server.target)
        let record = try run.prepare().run(begin: begin)
        server.stop()
        let stall = try #require(server.stalls.first)
        #expect(server.stalls.count == 1 && record.outcomes[.ok] == Self.count)

        // A request planned at p in the stillness, which ended at e, took e − p at least: nothing was answered before.
        let planned = (0..<Self.count).map { begin + UInt64($0) * 1_000_000_000 / UInt64(Self.rate) }
        let waits = planned.filter { $0 >= stall.begin && $0 < stall.end }.map { (stall.end - $0) / 1000 }
        #expect(waits.count >= Self.rate * 9 / 10, "about one second's requests were planned in it")
        for tenth in 0..<10 {
            let least = UInt64(tenth * 100_000)
            let expected = waits.filter { $0 >= least }.count
            let seen = slower(record.operations[0].response, than: least)
            #expect(seen >= expected, "\(seen) took \(tenth * 100) ms or longer; \(expected) must have")
        }
        // The percentile at which the arithmetic's slowest begin: with N of all planned in the stillness, those above 1 − N/2/all took half of it.
        let half = 100 * (1 - Double(waits.count) / 2 / Double(Self.count))
        #expect(record.operations[0].response.percentile(half + 0.1) >= waits.sorted()[waits.count / 2] * 99 / 100)

        // Eight streams were open in it: only they, and what they let wait behind them, could be seen by who looks from the sending on.
        let worst = stall.end - stall.begin
        #expect(slower(record.operations[0].service, than: worst / 2 / 1000) <= 8)
        #expect(slower(record.operations[0].response, than: worst / 2 / 1000) >= waits.count * 45 / 100)
        #expect(record.operations[0].waited.count >= UInt64(waits.count - 8))
    }

    @Test("a closed loop hides the same second: only what was in flight saw it")
    func closedLoopHidesIt() throws {
        let server = try server()
        let record = try TestLoad(closedInFlight: 8, seconds: 2.5).run(server.target).run()
        server.stop()
        #expect(server.stalls.count == 1)
        #expect(record.planned > 2000)
        #expect(slower(record.operations[0].response, than: 500_000) <= 8)
    }

    @Test("response is slip, waiting and service together, whatever happens")
    func partsAddUp() throws {
        let server = try server()
        let record = try TestLoad(count: Self.count, rate: Self.rate).run(server.target).run()
        server.stop()
        let one = record.operations[0]
        let sum = { (times: TimeHistogram) in times.mean * Double(times.count) }
        let parts = sum(one.slip) + sum(one.waited) + sum(one.service)
        // Three figures of three digits each, and times cut to microseconds.
        #expect(abs(parts - sum(one.response)) <= sum(one.response) * 0.002 + 3 * Double(one.response.count))
    }
}
