import LoadPlan

/// What a run's witnesses have seen: the book of its transactions, and the sampled answers.
package struct CheckObservations: Sendable {
    package var book: TransactionBook
    package var samples: [AnswerWitness.Sample]

    package init(book: TransactionBook = TransactionBook(), samples: [AnswerWitness.Sample] = []) {
        self.book = book
        self.samples = samples
    }

    /// What agents have seen, put together: the book and the samples that one agent alone would have had.
    ///
    /// - Parameters:
    ///   - agents: the bytes of each, in the agents' order, with its name.
    ///   - scenario: what they ran together.
    /// - Throws: `LoadCheckError` when one is damaged, or tells of a request that was another's.
    package init(agents: [(name: String, bytes: [UInt8])], of scenario: Scenario) throws(LoadCheckError) {
        self.init()
        for (index, agent) in agents.enumerated() {
            guard let seen = CheckObservations(bytes: agent.bytes),
                seen.samples.allSatisfy({ scenario.operations.indices.contains($0.operation) })
            else {
                throw LoadCheckError("what agent \(agent.name) has seen cannot be read")
            }
            let numbers = Array(seen.book.begins.keys) + seen.samples.map(\.number)
            if let foreign = numbers.first(where: { $0 % agents.count != index }) {
                throw LoadCheckError("agent \(agent.name) tells of request \(foreign), which was another agent's")
            }
            book.add(seen.book)
            samples += seen.samples
        }
        samples.sort { $0.number < $1.number }
        samples = Array(samples.prefix(scenario.sampledAnswers))
    }
}

/// As bytes, small ones: millions of transactions take three each. Numbers are in groups of seven bits, the lowest first, the highest bit of a byte set
/// where more follow.
///
///     requests, each: number less the one before, transactions, a byte each
///     samples, each: operation, number, bytes, the bytes
extension CheckObservations {
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        Self.append(book.begins.count, to: &bytes)
        var last = 0
        book.forEachRequest { number, words in
            Self.append(number - last, to: &bytes)
            Self.append(words.count, to: &bytes)
            bytes += words
            last = number
        }
        Self.append(samples.count, to: &bytes)
        for sample in samples {
            Self.append(sample.operation, to: &bytes)
            Self.append(sample.number, to: &bytes)
            Self.append(sample.body.count, to: &bytes)
            bytes += sample.body
        }
        return bytes
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var rest = UInt(bitPattern: number)
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Nil: not made by `bytes`.
    package init?(bytes: [UInt8]) {
        self.init()
        var rest = bytes[...]
        guard let requests = Self.number(&rest) else { return nil }
        var last = 0
        for index in 0..<requests {
            guard let step = Self.number(&rest), index == 0 || step > 0, let count = Self.number(&rest),
                case let (number, isOver) = last.addingReportingOverflow(step), !isOver, rest.count >= count,
                rest.prefix(count).allSatisfy({ TransactionBook.Word(rawValue: $0) != nil })
            else { return nil }
            book.add(number, words: rest.prefix(count))
            rest = rest.dropFirst(count)
            last = number
        }
        guard let kept = Self.number(&rest) else { return nil }
        for _ in 0..<kept {
            guard let operation = Self.number(&rest), let number = Self.number(&rest), let count = Self.number(&rest),
                rest.count >= count
            else { return nil }
            samples.append(AnswerWitness.Sample(operation: operation, number: number, body: Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        guard rest.isEmpty else { return nil }
    }

    /// Nil: there is none, or it is negative.
    private static func number(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        var value: UInt = 0
        for shift in stride(from: 0, to: 63, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt(byte & 0x7f) << UInt(shift)
            if byte & 0x80 == 0 { return Int(exactly: value) }
        }
        return nil
    }
}
