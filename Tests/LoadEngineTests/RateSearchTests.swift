import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("The search for a rate")
struct RateSearchTests {
    private func search(_ limit: Double, from: Double, highest: Double = 1_000_000) -> (found: Double?, attempts: [Double]) {
        var search = RateSearch(from: from, highest: highest)
        var attempts: [Double] = []
        while true {
            switch search.step {
            case .found(let rate): return (rate, attempts)
            case .attempt(let rate):
                attempts.append(rate)
                search.tell(held: rate <= limit)
            }
        }
    }

    @Test(
        "doubles, then halves the distance, and ends within its tolerance below the limit",
        arguments: [1.0, 3, 7, 99, 1234, 50_000, 777_777])
    func findsTheLimit(limit: Double) throws {
        for from in [1.0, 10, 1000, 100_000] {
            let (found, attempts) = search(limit, from: from)
            let rate = try #require(found, "from \(from): \(attempts)")
            #expect(rate <= limit && limit - rate <= max(1, rate * 0.05), "from \(from): \(rate) of \(limit): \(attempts)")
            #expect(Set(attempts).count == attempts.count, "something was tried twice: \(attempts)")
            #expect(attempts.count <= 30)
        }
    }

    @Test("the first attempts double")
    func doubles() { #expect(search(40, from: 5).attempts.prefix(4) == [5, 10, 20, 40]) }

    @Test("nothing holds: nothing is found; everything holds: the highest is")
    func extremes() {
        #expect(search(0, from: 100).found == nil)
        #expect(search(.infinity, from: 100, highest: 5000).found == 5000)
        #expect(search(.infinity, from: 100, highest: 5000).attempts == [100, 200, 400, 800, 1600, 3200, 5000])
    }

    @Test(
        "an attempt is the same load at an even rate, without events; what is checked in PostgreSQL is judged where it was looked at"
    )
    func attempt() {
        var load = TestLoad()
        load.objectives = [
            Objective(text: "errors==0", operation: nil, metric: .errors, comparison: .equal, bound: 0),
            Objective(text: "lost==0", operation: nil, metric: .lost, comparison: .equal, bound: 0),
        ]
        load.events = [PlannedEvent(atSeconds: 1, label: "kill", command: ["kill"])]
        let attempt = load.scenario.atConstant(rate: 1234, seconds: 7)
        #expect(attempt.events.isEmpty && attempt.seconds == 7 && attempt.phases.map(\.shape) == [.constant(rate: 1234)])
        #expect(attempt.objectives.map(\.text) == ["errors==0"])
    }
}
