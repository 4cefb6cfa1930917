import Core
import Store

/// What a request asks of the ledger in PostgreSQL, or has it do. No worker takes part.
enum LedgerQuestion: Sendable {
    case transaction(TransactionID)
    case commissions(of: TransactionID, isExplaining: Bool)
    case listing(CommissionListing)
    case totals(AffiliateID)
    case ranking(TotalsMetric, limit: Int)
    case reverse(TransactionID, reason: String, ChangeOrigin)
    case decide(CommissionDecisions.Decision, CommissionID)
    case decideMany(CommissionDecisions.Decision, [CommissionID])
    case decideWhere(CommissionDecisions.Decision, CommissionDecisions.Filter, after: CommissionDecisions.Position?)

    /// Whether a lost answer leaves open what has happened.
    var changesSomething: Bool {
        switch self {
        case .reverse, .decide, .decideMany, .decideWhere: true
        case .transaction, .commissions, .listing, .totals, .ranking: false
        }
    }

    /// Whether it may go through so much that it must not be on all connections at once.
    var isExtensive: Bool {
        switch self {
        case .listing(let listing): listing.isFiltered && (listing.cursor == nil || listing.status == .pending)
        case .ranking, .decideWhere: true
        case .transaction, .commissions, .totals, .reverse, .decide, .decideMany: false
        }
    }

    /// The longest answer to a change.
    var answerBytesMax: Int {
        switch self {
        case .reverse: Self.reversalBytesMax
        case .decide: Self.resultBytesMax
        case .decideMany(_, let ids): (ids.count + 1) * Self.resultBytesMax
        case .decideWhere: Self.sumBytesMax
        case .transaction, .commissions, .listing, .totals, .ranking: 0
        }
    }

    /// A reversal has the reason of the first one, each of whose characters may take six bytes.
    private static let reversalBytesMax = 6 * ChangeBodies.reasonCharactersMax + 512
    /// One commission in the answer to a decision, and as much for all else that the answer to one about many holds.
    static let resultBytesMax = 384
    /// A decision by filter is told with `LedgerWork.operationsMax` numbers of up to 20 bytes.
    static let sumBytesMax = 4096
}

/// What the ledger answered.
enum LedgerAnswer: Sendable, Equatable {
    case body(status: UInt16, [UInt8])
    case problem(Problem, field: String? = nil, detail: String? = nil)
}

extension Route {
    /// What to do after an answer to a change was lost, where doing it again is safe.
    var repeatAdvice: StaticString? {
        switch self {
        case .transactions:
            "send it again with the same external_transaction_id: one that was accepted is answered as the first time"
        case .reverse: "ask for it again: a transaction is reversed once, and answered as the first time"
        case .decision, .decisions: "ask for it again: what was changed is then told as unchanged"
        default: nil
        }
    }
}
