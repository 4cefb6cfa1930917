/// What gateways say of the ledger.
struct TransactionState: Decodable {
    struct Reversal: Decodable {
        var reason: String
        var actor: String
        var reversed_at: String
        var was_paid: Bool
    }

    var transaction_id: Int64
    var external_transaction_id: String
    var affiliate_id: Int64
    var type: String
    var amount: String
    var winnings: String
    var currency: String
    var date: String
    var accepted_at: String
    var upline: [Int64]
    var status: String
    var reversal: Reversal?
}

struct CommissionAnswer: Decodable {
    var commission_id: String
    var transaction_id: Int64
    var beneficiary_id: Int64
    var source_id: Int64
    var level_distance: Int
    var rule: String
    var base_amount: String
    var rate: String
    var amount: String
    var currency: String
    var status: String
    var plan_version: Int

    /// As `LedgerFigures.entries` writes it.
    var line: String {
        "\(commission_id) \(beneficiary_id) \(source_id) \(level_distance) \(rule) \(base_amount) \(rate) \(amount) \(currency) \(status) \(plan_version)"
    }
}

struct ExplanationAnswer: Decodable {
    struct Level: Decodable {
        var beneficiary_id: Int64
        var level_distance: Int
        var plan_level: Int
        var rule: String
        var plan_version: Int
        var rate: String
        var base_amount: String
        var amount: String
        var paid: Bool
        var reason: String?
        var commission_id: String?
        var status: String?
    }
    struct Plan: Decodable {
        var name: String
        var version: Int
    }

    var status: String
    var commissions: [CommissionAnswer]
    var plan: Plan?
    var levels: [Level]?
    var matches_ledger: Bool?
}

struct CommissionPage: Decodable {
    struct Totals: Decodable {
        var count: Int64
        var amount: String
    }

    var commissions: [CommissionAnswer]
    var totals: Totals
    var next_cursor: String?
}

struct LedgerRankingAnswer: Decodable {
    struct Line: Decodable {
        var rank: Int
        var affiliate_id: Int64
        var value: String
    }

    var metric: String
    var rankings: [Line]
}

struct ReversalAnswer: Decodable {
    var transaction_id: Int64
    var status: String
    var reason: String
    var reversed_at: String
    var was_paid: Bool
    var entries: Int64
    var amount: String
}

struct DecisionAnswer: Decodable {
    struct Result: Decodable {
        var commission_id: String
        var status: String?
        var previous_status: String?
        var changed: Bool
        var operation_id: Int64?
        var type: String?
    }

    var status: String
    var changed: Int
    var unchanged: Int
    var refused: Int
    var amount: String
    /// By ids.
    var results: [Result]?
    /// By filter.
    var operations: [Int64]?
    var next_cursor: String?
}
