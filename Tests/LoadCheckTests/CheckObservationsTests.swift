import LoadPlan
import LoadRecord
import Testing

@testable import LoadCheck

@Suite("What agents have seen")
struct CheckObservationsTests {
    private static let scenario: Scenario = {
        var scenario = Scenario(
            name: "test", phases: [],
            operations: [
                .init(name: "single", operation: .transactions(batch: 1, betsPercent: 50), weight: 1),
                .init(name: "batch", operation: .transactions(batch: 3, betsPercent: 50), weight: 1),
                .init(name: "upline", operation: .upline, weight: 1),
            ])
        scenario.sampledAnswers = 20
        return scenario
    }()

    /// Every thirtieth request is looked at for a sample, so they change no faster than that.
    private func operation(_ number: Int) -> Int { number / 30 % 3 }

    /// What one of `agents` sees of 600 requests, answered as their numbers say; every eleventh waits and is sent later.
    private func seen(by agent: Int, of agents: Int) -> CheckObservations {
        let transactions = TransactionWitness(Self.scenario)
        let answers = AnswerWitness(Self.scenario, planned: 600)
        let observer = AnswerObservers([transactions, answers])
        let mine = (0..<600).filter { $0 % agents == agent }
        for number in mine.filter({ $0 % 11 > 0 }) + mine.filter({ $0 % 11 == 0 }) {
            let operation = operation(number)
            observer.sent(operation: operation, number: number)
            let statuses = [[201, 422, 0][number % 5 % 3], 207, 200]
            let bodies = ["", "[{\"status\":201},{\"status\":422},{\"status\":503}]", "{\"affiliate_id\":\(number)}"]
            Array(bodies[operation].utf8).withUnsafeBytes {
                observer.answered(operation: operation, number: number, outcome: .ok, status: statuses[operation], body: $0)
            }
        }
        return CheckObservations(book: transactions.book, samples: answers.samples)
    }

    private func words(_ seen: CheckObservations) -> [[TransactionBook.Word?]] {
        (0..<601).map { number in (0..<(operation(number) == 1 ? 3 : 1)).map { seen.book.word(number, item: $0) } }
    }

    @Test("is, put together, what one agent would have seen", arguments: [1, 2, 3, 7])
    func union(agents: Int) throws {
        let whole = seen(by: 0, of: 1)
        let parts = (0..<agents).map { ("agent-\($0)", seen(by: $0, of: agents).bytes) }
        let union = try CheckObservations(agents: parts, of: Self.scenario)
        #expect(words(union) == words(whole))
        #expect(union.book.count == whole.book.count && union.book.acceptedCount == whole.book.acceptedCount)
        #expect(union.book.acceptedCount > 200)
        #expect(union.samples == whole.samples.sorted { $0.number < $1.number } && !union.samples.isEmpty)
    }

    @Test("is refused when an agent tells of requests that were another's")
    func foreign() {
        let parts = [("one", seen(by: 0, of: 2).bytes), ("two", seen(by: 0, of: 2).bytes)]
        #expect { try CheckObservations(agents: parts, of: Self.scenario) } throws: {
            "\($0)".contains("agent two tells of request")
        }
    }

    @Test("is refused when it is cut short, too long, or names an operation that is none")
    func damaged() {
        let whole = seen(by: 0, of: 8)
        let bytes = whole.bytes
        for length in bytes.indices { #expect(CheckObservations(bytes: Array(bytes[..<length])) == nil, "\(length)") }
        #expect(CheckObservations(bytes: bytes + [0]) == nil)
        #expect(CheckObservations(bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]) == nil)
        #expect(CheckObservations(bytes: [1, 0, 1, 3, 0]) == nil, "a word that is none")
        var other = CheckObservations()
        other.samples = [AnswerWitness.Sample(operation: 3, number: 0, body: [])]
        #expect(throws: LoadCheckError.self) { try CheckObservations(agents: [("one", other.bytes)], of: Self.scenario) }
    }
}
