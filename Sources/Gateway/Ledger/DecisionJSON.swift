import Core
import Store

/// Answers to decisions about commissions as JSON.
extension ByteBuilder {
    /// What became of one commission.
    func append(_ result: CommissionDecisions.Result, to status: CommissionStatus) {
        append(UInt8(ascii: "{"))
        append("commission_id", text: result.id.description)
        append("status", word: result.outcome == .changed ? status.name : result.previous?.name)
        append("previous_status", word: result.previous?.name)
        append("changed", flag: result.outcome == .changed)
        append("operation_id", optional: result.operation)
        if let problem = result.outcome.problem {
            append("type", text: "/problems/\(problem.slug)")
            append("detail", word: problem.title)
        }
        append(UInt8(ascii: "}"))
    }

    /// The answer to a decision about many, with the sum of what was changed.
    func append(_ results: [CommissionDecisions.Result], to status: CommissionStatus) {
        var amount = AmountSum()
        for result in results where result.outcome == .changed { amount.add(result.amount ?? "0.00") }
        append(UInt8(ascii: "{"))
        append("status", word: status.name)
        append("operation_id", optional: results.lazy.compactMap(\.operation).first)
        append("changed", results.count { $0.outcome == .changed })
        append("unchanged", results.count { $0.outcome == .unchanged })
        append("refused", results.count { $0.outcome.problem != nil })
        append("amount", text: amount.text)
        appendName("results")
        appendList(results) { append($0, to: status) }
        append(UInt8(ascii: "}"))
    }

    /// The answer to a decision by filter, as far as it has come.
    func append(_ sum: DecisionSum, about question: DecisionQuestion) {
        append(UInt8(ascii: "{"))
        append("status", word: question.status.name)
        appendName("operations")
        appendList(sum.operations) { appendDecimal($0) }
        append("changed", sum.changed)
        append("unchanged", sum.unchanged)
        append("refused", sum.refused)
        append("amount", text: sum.amount.text)
        append("next_cursor", text: sum.next.map { question.text(of: $0) })
        append(UInt8(ascii: "}"))
    }
}

/// What the pieces of a decision by filter came to together.
struct DecisionSum {
    var operations: [Int64] = []
    var changed: Int64 = 0
    var unchanged: Int64 = 0
    var refused: Int64 = 0
    var amount = AmountSum()
    var next: CommissionDecisions.Position?

    mutating func add(_ piece: CommissionDecisions.Piece) {
        if let operation = piece.operation { operations.append(operation) }
        changed += piece.changed
        unchanged += piece.unchanged
        refused += piece.refused
        amount.add(piece.amount)
        next = piece.next
    }
}

extension CommissionDecisions.Outcome {
    /// Why an entry was not changed, unless it was as wanted already.
    var problem: Problem? {
        switch self {
        case .changed, .unchanged: nil
        case .illegal: .illegalTransition
        case .reversed: .transactionReversed
        case .unknown: .unknownCommission
        }
    }
}
