import Core
import Testing

@testable import fature_bench

@Suite struct LoadTests {
    @Test("a percentile is the value below or at which so many lie, and zero where there are none")
    func percentiles() {
        var latencies = Latencies()
        #expect(latencies.permille([500, 1000]) == [0, 0])
        for microseconds in (1...1000).reversed() { latencies.add(nanoseconds: UInt64(microseconds) * 1000) }
        #expect(latencies.permille([0, 1, 500, 990, 999, 1000]) == [1, 1, 500, 990, 999, 1000])
    }

    @Test("a transaction follows from its number: it can be sent again with the same facts")
    func feed() {
        let picker = AffiliatePicker(Array(1...1000), exponent: 0, seed: 7)
        let feed = TransactionFeed(picker, betsPercent: 40, seed: 7)
        let again = TransactionFeed(picker, betsPercent: 40, seed: 7)
        let all = (0..<20_000).map { feed.transaction($0) }
        #expect(all == (0..<20_000).map { again.transaction($0) })
        #expect(Set(all.map(\.affiliate)).count == 1000)
        #expect((7_500...8_500).contains(all.count { $0.isBet }))
        #expect(all.allSatisfy { $0.amount > .zero && ($0.isBet || $0.winnings == .zero) })
    }

    @Test("with Zipf's law the first affiliate is chosen twice as often as the second, and others still are")
    func zipf() {
        let picker = AffiliatePicker(Array(1...1000), exponent: 1, seed: 7)
        var counts: [Int64: Int] = [:]
        for number in 0..<100_000 {
            var scatter = Scatter(seed: 1, number: number)
            counts[picker.pick(&scatter), default: 0] += 1
        }
        let sorted = counts.values.sorted(by: >)
        // 1,000 affiliates: the first has one share in 7.485.
        #expect((12_500...14_200).contains(sorted[0]))
        #expect((6_000...7_400).contains(sorted[1]))
        #expect(counts.count > 900)
    }

    @Test(
        "a session sends bodies larger than a frame, and tells of each request that the connection broke before its answer")
    func session() {
        let session = LoadSession(RequestFields(authority: "test"))
        let output = ByteBuilder()
        session.post("/somewhere", ticket: 5) { body in for _ in 0..<40_000 { body.append(7) } }
        session.get("/elsewhere", ticket: 6)
        session.drain(into: output)
        #expect(output.count > 40_000)
        var lost: [Int] = []
        session.abandon { ticket, status, _ in
            #expect(status == 0)
            lost.append(ticket)
        }
        #expect(lost.sorted() == [5, 6])
    }
}
