import Core
import Frames
import Logging
import PostgresClient
import Store

/// One group's way into PostgreSQL, repeated until it is known what became of it.
struct IntakeAttempt: Sendable {
    let pool: PostgresPool
    let fence: ShardFence
    var numbers: TransactionNumbers
    let logger: Logger

    struct Result: Sendable {
        var numbers: TransactionNumbers
        /// In the order of the group.
        var receipts: [TransactionReceipt]
        /// What was committed and needs a job.
        var orders: [CommissionPayment.Order]
    }

    private static let conflictAttemptsMax = 4
    private static let retryMillisecondsMax = 500

    /// What a try to commit came to.
    private enum Try: Sendable {
        case committed([NewTransaction], [IntakeOutcome], TransactionNumbers, wasInDoubt: Bool)
        /// The server refuses the data of at least one transaction.
        case badData(String)
        case notWritten(String)
        case inDoubt([NewTransaction], String, TransactionNumbers)
    }

    func commit(_ transactions: [NewTransaction], doubtMilliseconds: Int) async -> Result {
        var result = Result(numbers: numbers, receipts: [], orders: [])
        await commit(transactions, doubtMilliseconds: doubtMilliseconds, into: &result)
        return result
    }

    /// Halves what the server refuses until the bad one stands alone: nobody suffers for another's data.
    private func commit(_ transactions: [NewTransaction], doubtMilliseconds: Int, into result: inout Result) async {
        var parts = [transactions]
        while let part = parts.popLast() {
            switch await settle(part, result.numbers, doubtMilliseconds: doubtMilliseconds) {
            case .committed(let numbered, let outcomes, let numbers, let wasInDoubt):
                result.numbers = numbers
                for (transaction, outcome) in zip(numbered, outcomes) {
                    if wasInDoubt, outcome == .fenced {
                        // Perhaps the attempt before was committed; the shard's next owner knows, and this worker can not tell.
                        result.receipts.append(TransactionReceipt(.outcomeUnknown))
                    } else {
                        add(transaction, outcome, to: &result)
                    }
                }
            case .badData(let reason):
                if part.count == 1 {
                    logger.warning("a transaction was not accepted", metadata: ["reason": "\(reason)"])
                    result.receipts.append(TransactionReceipt(.malformed))
                } else {
                    // The first half comes next, so that receipts stay in order.
                    parts.append(Array(part[(part.count / 2)...]))
                    parts.append(Array(part[..<(part.count / 2)]))
                }
            case .notWritten(let reason):
                logger.warning("transactions were not accepted", metadata: ["count": "\(part.count)", "reason": "\(reason)"])
                result.receipts += part.map { _ in TransactionReceipt(.databaseUnavailable) }
            case .inDoubt(_, let reason, let numbers):
                result.numbers = numbers
                logger.error(
                    "it is not known whether transactions were accepted",
                    metadata: ["count": "\(part.count)", "reason": "\(reason)"])
                result.receipts += part.map { _ in TransactionReceipt(.outcomeUnknown) }
            }
        }
    }

    private func add(_ transaction: NewTransaction, _ outcome: IntakeOutcome, to result: inout Result) {
        switch outcome {
        case .accepted(let acceptedAt):
            result.receipts.append(
                TransactionReceipt(.accepted, transactionID: transaction.id, acceptedAtMicroseconds: acceptedAt))
            result.orders.append(
                .init(transactionID: transaction.id, acceptedAtMicroseconds: acceptedAt, shard: transaction.shard))
        case .repeated(let id, let acceptedAt):
            result.receipts.append(TransactionReceipt(.repeated, transactionID: id, acceptedAtMicroseconds: acceptedAt))
        case .conflict(let id): result.receipts.append(TransactionReceipt(.conflict, transactionID: id))
        case .refused(.inactiveAffiliate): result.receipts.append(TransactionReceipt(.inactiveAffiliate))
        case .refused(.futureDate): result.receipts.append(TransactionReceipt(.futureDate))
        case .fenced: result.receipts.append(TransactionReceipt(.notOwner))
        }
    }

    /// Commits until the outcome is known or the time for doubt is over.
    private func settle(_ part: [NewTransaction], _ numbers: TransactionNumbers, doubtMilliseconds: Int) async -> Try {
        let deadline = Deadline.after(milliseconds: doubtMilliseconds)
        var outcome = await once(part, numbers, isNumbered: false)
        var pause = 20
        while case .inDoubt(let numbered, let reason, let numbers) = outcome, !deadline.hasPassed {
            logger.warning("the answer of a commit was lost; trying the same group again", metadata: ["reason": "\(reason)"])
            try? await Task.sleep(for: .milliseconds(Int.random(in: pause / 2...pause)))
            pause = min(pause * 2, Self.retryMillisecondsMax)
            switch await once(numbered, numbers, isNumbered: true) {
            // Once in doubt, a server that cannot be asked or refuses leaves it in doubt.
            case .notWritten(let reason), .badData(let reason): outcome = .inDoubt(numbered, reason, numbers)
            case let other: outcome = other
            }
        }
        return outcome
    }

    /// - Parameter isNumbered: the group has its numbers from an attempt whose outcome is not known.
    private func once(_ part: [NewTransaction], _ numbers: TransactionNumbers, isNumbered: Bool) async -> Try {
        let fence = fence
        do {
            return try await pool.withConnection { connection in
                var numbers = numbers
                var numbered = part
                if !isNumbered {
                    try numbers.reserve(part.count, on: connection)
                    for index in numbered.indices { numbered[index].id = numbers.take() }
                }
                return try Self.perform(numbered, fence, numbers, isNumbered: isNumbered, on: connection)
            }
        } catch {
            return .notWritten("\(error)")
        }
    }

    private static func perform(
        _ part: [NewTransaction], _ fence: ShardFence, _ numbers: TransactionNumbers, isNumbered: Bool,
        on connection: PostgresConnection
    ) throws -> Try {
        var attempt = 1
        while true {
            do {
                let outcomes = try TransactionIntake.commit(part, fence: fence, isRetry: isNumbered, on: connection)
                return .committed(part, outcomes, numbers, wasInDoubt: isNumbered)
            } catch let error as PostgresError {
                switch error.code {
                case .server where error.isTransactionConflict && attempt < conflictAttemptsMax: attempt += 1
                case .server where error.isDataError: return .badData("\(error)")
                case .connectionLost, .timedOut, .cancelled: return .inDoubt(part, "\(error)", numbers)
                default: return .notWritten("\(error)")
                }
            }
        }
    }
}
