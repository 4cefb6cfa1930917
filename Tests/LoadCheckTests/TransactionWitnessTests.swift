import LoadCheck
import LoadPlan
import LoadRecord
import Testing

private func answer(_ witness: TransactionWitness, operation: Int, number: Int, status: Int, _ body: String = "") {
    witness.sent(operation: operation, number: number)
    Array(body.utf8).withUnsafeBytes {
        witness.answered(operation: operation, number: number, outcome: .ok, status: status, body: $0)
    }
}

private func witness() -> TransactionWitness {
    TransactionWitness(
        Scenario(
            name: "test", phases: [],
            operations: [
                .init(name: "single", operation: .transactions(batch: 1, betsPercent: 50), weight: 1),
                .init(name: "batch", operation: .transactions(batch: 3, betsPercent: 50), weight: 1),
                .init(name: "query", operation: .upline, weight: 1),
            ]))
}

@Test("a single transaction is accepted, refused or unknown by its status alone")
func singles() {
    let witness = witness()
    for (number, status) in [201, 200, 409, 422, 503, 504, 0].enumerated() {
        answer(witness, operation: 0, number: number, status: status)
    }
    witness.sent(operation: 0, number: 7)
    let words = (0...8).map { witness.book.word($0, item: 0) }
    #expect(words == [.accepted, .accepted, .refused, .refused, .unanswered, .unanswered, .unanswered, .unanswered, nil])
    #expect(witness.book.acceptedCount == 2)
    #expect(!witness.wantsBody(operation: 0, number: 0) && witness.wantsBody(operation: 1, number: 0))
}

@Test("of a batch each transaction has its own word, and an answer with another number of results says nothing")
func batches() {
    let witness = witness()
    func results(_ statuses: Int...) -> String {
        "{\"results\":[" + statuses.enumerated().map { "{\"index\":\($0),\"status\":\($1)}" }.joined(separator: ",") + "]}"
    }
    answer(witness, operation: 1, number: 1, status: 201, results(201, 201, 200))
    answer(witness, operation: 1, number: 2, status: 207, results(201, 422, 503))
    answer(witness, operation: 1, number: 3, status: 207, results(201, 201))
    answer(witness, operation: 1, number: 4, status: 422, "")
    answer(witness, operation: 1, number: 5, status: 503, "")
    answer(witness, operation: 2, number: 6, status: 200, "")
    func words(_ number: Int) -> [TransactionBook.Word?] { (0..<3).map { witness.book.word(number, item: $0) } }
    #expect(words(1) == [.accepted, .accepted, .accepted])
    #expect(words(2) == [.accepted, .refused, .unanswered])
    #expect(words(3) == [.unanswered, .unanswered, .unanswered])
    #expect(words(4) == [.refused, .refused, .refused])
    #expect(words(5) == [.unanswered, .unanswered, .unanswered])
    #expect(words(6) == [nil, nil, nil])
}

@Test("the books of agents are one book when put together")
func merged() {
    let (one, two) = (witness(), witness())
    answer(one, operation: 0, number: 0, status: 201)
    answer(one, operation: 0, number: 2, status: 422)
    answer(two, operation: 0, number: 1, status: 201)
    answer(two, operation: 0, number: 3, status: 0)
    var book = one.book
    book.add(two.book)
    #expect((0...4).map { book.word($0, item: 0) } == [.accepted, .accepted, .refused, .unanswered, nil])
    #expect(book.count == 4 && book.acceptedCount == 2)
}

@Test("answers are kept evenly over a run, and no more than wanted")
func samples() {
    var scenario = Scenario(
        name: "test", phases: [],
        operations: [
            .init(name: "upline", operation: .upline, weight: 1), .init(name: "join", operation: .join, weight: 1),
        ])
    scenario.sampledAnswers = 10
    let witness = AnswerWitness(scenario, planned: 1000)
    for number in 0..<2000 {
        Array("{}".utf8).withUnsafeBytes {
            witness.answered(
                operation: number % 200 == 0 ? 1 : 0, number: number, outcome: .ok, status: number == 100 ? 503 : 200, body: $0)
        }
    }
    #expect(witness.samples.map(\.number) == [300, 500, 700, 900, 1100, 1300, 1500, 1700, 1900])
}
