import Core
import Frames

/// What became of one transaction of a request: each gets exactly one.
enum TransactionResult: Equatable {
    /// Moments are microseconds since 1970.
    case accepted(id: Int64, acceptedAt: Int64)
    /// It had been accepted before, with the same facts.
    case repeated(id: Int64, acceptedAt: Int64)
    /// Another transaction has the external id.
    case conflict(id: Int64)
    /// A field is wrong.
    case faulty(TransactionFault)
    /// A field that only the worker could judge is wrong, or the transaction could not be accepted now.
    case problem(Problem)

    /// The status it has alone, and in the list of a batch.
    var status: UInt16 {
        switch self {
        case .accepted: 201
        case .repeated: 200
        case .conflict: Problem.transactionConflict.status
        case .faulty: Problem.invalidField.status
        case .problem(let problem): problem.status
        }
    }

    var problem: Problem? {
        switch self {
        case .accepted, .repeated: nil
        case .conflict: .transactionConflict
        case .faulty: .invalidField
        case .problem(let problem): problem
        }
    }

    var field: StaticString? {
        switch self {
        case .accepted, .repeated: nil
        case .conflict: "external_transaction_id"
        case .faulty(let fault): fault.field
        case .problem(.unknownSource), .problem(.inactiveSource): "affiliate_id"
        case .problem(.wrongCurrency): "currency"
        case .problem(.futureDate): "date"
        case .problem: nil
        }
    }

    var detail: StaticString? {
        switch self {
        case .faulty(let fault): fault.detail
        case .problem(.outcomeUnknown):
            "send it again with the same external_transaction_id: one that was accepted is answered as the first time"
        default: nil
        }
    }
}

/// What a worker's receipt means for the transaction.
enum ReceiptMeaning: Equatable {
    case result(TransactionResult)
    /// PostgreSQL has to say where the affiliate is.
    case lookUp
    /// Ask again once the topology has been looked at.
    case askAgain
    /// Ask again in a moment: the shard is between two owners.
    case askSoon
    /// So, and this worker has the shard as far as the one that was asked knows.
    case moved(WorkerInstanceID, Epoch)
}

extension TransactionReceipt {
    /// The last moment that is written with four digits for the year, microseconds since 1970.
    private static let momentMax: Int64 = 253_402_300_799_999_999

    var meaning: ReceiptMeaning {
        switch outcome {
        case .accepted, .repeated, .conflict:
            guard transactionID > 0 else { return .result(.problem(.internalError)) }
            if outcome == .conflict { return .result(.conflict(id: transactionID)) }
            guard (1...Self.momentMax).contains(acceptedAtMicroseconds) else { return .result(.problem(.internalError)) }
            return .result(
                outcome == .accepted
                    ? .accepted(id: transactionID, acceptedAt: acceptedAtMicroseconds)
                    : .repeated(id: transactionID, acceptedAt: acceptedAtMicroseconds))
        case .unknownAffiliate: return .lookUp
        case .notOwner, .loading: return .askAgain
        case .notYet: return .askSoon
        case .moved:
            guard transactionID > 0, acceptedAtMicroseconds > 0 else { return .result(.problem(.internalError)) }
            return .moved(WorkerInstanceID(transactionID), Epoch(acceptedAtMicroseconds))
        case .inactiveAffiliate: return .result(.problem(.inactiveSource))
        case .wrongCurrency: return .result(.problem(.wrongCurrency))
        case .futureDate: return .result(.problem(.futureDate))
        case .overloaded: return .result(.problem(.overloaded))
        case .databaseUnavailable: return .result(.problem(.databaseUnavailable))
        case .outcomeUnknown: return .result(.problem(.outcomeUnknown))
        case .deadlineExceeded: return .result(.problem(.deadlineExceeded))
        case .malformed: return .result(.problem(.internalError))
        }
    }
}
