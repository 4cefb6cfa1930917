import LoadPlan
import LoadRecord

/// What the cluster said about each transaction that a run has sent.
package struct TransactionBook: Sendable {
    /// With what the check needs, each takes about 100 bytes.
    package static let transactionsMax = 10_000_000

    package enum Word: UInt8, Sendable {
        /// Sent, and no answer that says what became of it.
        case unanswered
        /// 201 or 200.
        case accepted
        /// 4xx: nothing was written.
        case refused
    }

    /// Where the words of a request's transactions begin, by the request's number.
    package private(set) var begins: [Int: Int] = [:]
    private var words: [UInt8] = []

    package init() {}

    package var count: Int { words.count }
    package var acceptedCount: Int { words.lazy.filter { $0 == Word.accepted.rawValue }.count }

    mutating func send(_ number: Int, items: Int) {
        begins[number] = words.count
        words.append(contentsOf: repeatElement(Word.unanswered.rawValue, count: items))
    }

    mutating func note(_ number: Int, item: Int, _ word: Word) {
        guard let begin = begins[number] else { return }
        words[begin + item] = word.rawValue
    }

    /// Nil: it was never sent.
    package func word(_ number: Int, item: Int) -> Word? {
        guard let begin = begins[number], begin + item < words.count else { return nil }
        return Word(rawValue: words[begin + item])
    }

    /// Every request in the order of the numbers, with the words of its transactions as `Word` has them.
    func forEachRequest(_ body: (_ number: Int, _ words: ArraySlice<UInt8>) -> Void) {
        // Sent, and so written down, in another order when requests waited for a stream.
        let places = begins.values.sorted()
        let ends = Dictionary(uniqueKeysWithValues: zip(places, places.dropFirst() + [words.count]))
        for (number, begin) in begins.sorted(by: { $0.key < $1.key }) { body(number, words[begin..<(ends[begin] ?? begin)]) }
    }

    /// Takes in a request that is not there yet.
    mutating func add(_ number: Int, words more: some Collection<UInt8>) {
        begins[number] = words.count
        words += more
    }

    /// Takes in what another agent sent; agents never send the same request.
    package mutating func add(_ other: Self) { other.forEachRequest { add($0, words: $1) } }
}

/// Keeps the book of a run's transactions. On the sending thread.
package final class TransactionWitness: AnswerObserver, @unchecked Sendable {
    // @unchecked: the sending thread's until the run is over, then the caller's.
    package private(set) var book = TransactionBook()
    /// By operation: how many transactions a request of it has; 0 for other operations.
    private let items: [Int]
    private var statuses: [Int] = []

    package init(_ scenario: Scenario) {
        items = scenario.operations.map { if case .transactions(let batch, _) = $0.operation { batch } else { 0 } }
    }

    /// A single transaction's status says it all.
    package func wantsBody(operation: Int, number: Int) -> Bool { items[operation] > 1 }

    package func sent(operation: Int, number: Int) {
        if items[operation] > 0 { book.send(number, items: items[operation]) }
    }

    package func answered(operation: Int, number: Int, outcome: Outcome, status: Int, body: UnsafeRawBufferPointer) {
        let count = items[operation]
        guard count > 0, status > 0 else { return }
        if count == 1 { return book.note(number, item: 0, Self.word(status)) }
        guard status == 200 || status == 201 || status == 207 else {
            // Refused whole; 503 outcome-unknown and 504 say nothing.
            guard (400..<500).contains(status) else { return }
            for item in 0..<count { book.note(number, item: item, .refused) }
            return
        }
        ItemStatuses.read(body, into: &statuses)
        // Another number of results than were sent is no answer about any of them.
        guard statuses.count == count else { return }
        for (item, status) in statuses.enumerated() { book.note(number, item: item, Self.word(status)) }
    }

    private static func word(_ status: Int) -> TransactionBook.Word {
        switch status {
        case 200, 201: .accepted
        case 400..<500: .refused
        default: .unanswered
        }
    }
}
