import Core
import PostgresClient
import Store

/// Answers questions about the ledger, on the thread of a connection.
enum LedgerWork {
    /// How long one statement may take; less where the caller waits no longer.
    static let patienceMilliseconds = 1500
    /// A decision by filter makes so many operations, and goes on when it is asked again.
    static let operationsMax = 128

    static func answer(
        _ question: LedgerQuestion, deadline: MonotonicNanoseconds, on connection: PostgresConnection
    ) throws -> LedgerAnswer {
        try retryingConflicts {
            let now = monotonicNow()
            guard now < deadline else { return .problem(.deadlineExceeded) }
            if case .decideWhere(let decision, let filter, let position) = question {
                return try decide(decision, filter, position, deadline: deadline, on: connection)
            }
            return try perform(question, patience: patience(until: deadline, now: now), on: connection)
        }
    }

    /// Milliseconds.
    static func patience(until deadline: MonotonicNanoseconds, now: MonotonicNanoseconds) -> Int {
        min(patienceMilliseconds, now < deadline ? Int((deadline - now) / 1_000_000) + 1 : 1)
    }

    private static func perform(
        _ question: LedgerQuestion, patience: Int, on connection: PostgresConnection
    ) throws -> LedgerAnswer {
        switch question {
        case .transaction(let id):
            guard let found = try StoredTransaction.find(id.rawValue, on: connection, timeoutMilliseconds: patience) else {
                return .problem(.unknownTransaction)
            }
            return .json { $0.append(found) }
        case .commissions(let id, let isExplaining):
            guard
                let found = try CommissionExplanation.find(
                    id.rawValue, isExplaining: isExplaining, on: connection, timeoutMilliseconds: patience)
            else { return .problem(.unknownTransaction) }
            return .json { $0.append(found) }
        case .listing(let listing): return try page(listing, patience: patience, on: connection)
        case .totals(let id):
            guard let found = try AffiliateTotals.find(id, on: connection, timeoutMilliseconds: patience) else {
                return .problem(.unknownAffiliate)
            }
            return .json { $0.append(found) }
        case .reverse(let id, let reason, let origin):
            guard
                let done = try TransactionReversal.perform(
                    id.rawValue, reason: reason, origin: origin, on: connection, timeoutMilliseconds: patience)
            else { return .problem(.unknownTransaction) }
            return .json { $0.append(done) }
        case .decide(let decision, let id): return try decide(decision, id, patience: patience, on: connection)
        case .decideMany(let decision, let ids):
            let results = try CommissionDecisions.decide(
                decision, about: ids, on: connection, timeoutMilliseconds: patience)
            let isRefused = results.contains { $0.outcome.problem != nil }
            return .json(status: isRefused ? 207 : 200) { $0.append(results, to: decision.status) }
        case .ranking, .decideWhere: return .problem(.internalError)
        }
    }

    private static func page(
        _ listing: CommissionListing, patience: Int, on connection: PostgresConnection
    ) throws -> LedgerAnswer {
        let filter = CommissionPages.Filter(
            beneficiary: listing.affiliate, status: listing.status, from: listing.from, to: listing.to)
        let cursor = listing.cursor.map {
            CommissionPages.Cursor(createdAt: $0.createdAt, id: $0.id, totals: .init(count: $0.count, amount: $0.amount))
        }
        guard
            let page = try CommissionPages.page(
                filter, limit: Int(listing.limit), after: cursor, on: connection, timeoutMilliseconds: patience)
        else { return .problem(.unknownAffiliate) }
        return .json { $0.append(page, of: listing) }
    }

    private static func decide(
        _ decision: CommissionDecisions.Decision, _ id: CommissionID, patience: Int, on connection: PostgresConnection
    ) throws -> LedgerAnswer {
        let results = try CommissionDecisions.decide(decision, about: [id], on: connection, timeoutMilliseconds: patience)
        guard let result = results.first else { return .problem(.internalError) }
        switch result.outcome {
        case .changed, .unchanged: return .json { $0.append(result, to: decision.status) }
        case .unknown: return .problem(.unknownCommission)
        case .illegal:
            let now = result.previous.map { "\($0.name)" } ?? "unknown"
            return .problem(
                .illegalTransition, field: "status",
                detail: "commission \(id) is \(now) and cannot become \(decision.status.name)")
        case .reversed: return .problem(.transactionReversed, field: "status")
        }
    }

    private static func decide(
        _ decision: CommissionDecisions.Decision, _ filter: CommissionDecisions.Filter,
        _ position: CommissionDecisions.Position?, deadline: MonotonicNanoseconds, on connection: PostgresConnection
    ) throws -> LedgerAnswer {
        // Half of the time that is left for beginning pieces, the other half for ending the last one.
        let start = monotonicNow()
        let end = start + (max(deadline, start) - start) / 2
        var sum = DecisionSum()
        sum.next = position
        var piecesCount = 0
        repeat {
            do {
                sum.add(
                    try CommissionDecisions.decideNext(
                        decision, where: filter, after: sum.next, on: connection,
                        timeoutMilliseconds: patience(until: deadline, now: monotonicNow())))
            } catch  where piecesCount > 0 {
                // What has been decided is told, and where to go on: the piece that failed is repeated.
                break
            }
            piecesCount += 1
        } while sum.next != nil && sum.operations.count < operationsMax && monotonicNow() < end
        return .json { $0.append(sum, about: DecisionQuestion(status: decision.status, filter: filter)) }
    }
}

extension LedgerAnswer {
    static func json(status: UInt16 = 200, _ write: (ByteBuilder) -> Void) -> LedgerAnswer {
        let body = ByteBuilder()
        write(body)
        return .body(status: status, Array(body.bytes))
    }
}
