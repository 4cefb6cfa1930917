import Foundation
import PostgresClient
import TestServers

/// One transaction as its caller knows it. Money in minor units.
struct SentTransaction: Equatable, Sendable {
    var externalID: String
    var affiliate: Int64
    var type: String
    var amount: Int64
    var winnings: Int64
    /// Nil: not said.
    var isEligible: Bool?

    /// Any transaction of any of the affiliates: amounts from a cent to the largest that is stored, with many that make half cents.
    static func random(_ externalID: String, of affiliates: [Int64], using random: inout SeededGenerator) -> SentTransaction {
        let type = ["deposit", "deposit", "bet", "bet", "withdrawal", "bonus"].randomElement(using: &random) ?? "bet"
        let amount: Int64 =
            switch Int.random(in: 0..<20, using: &random) {
            case 0: Int64.random(in: 1...99, using: &random)
            case 1: 50 * Int64.random(in: 1...199, using: &random)
            // So many of them that no total comes near its limit.
            case 2: Int64.random(in: 1...amountMax, using: &random)
            default: Int64.random(in: 1...1_000_000, using: &random)
            }
        return SentTransaction(
            externalID: externalID, affiliate: affiliates.randomElement(using: &random) ?? 1, type: type, amount: amount,
            winnings: type == "bet" && Bool.random(using: &random) ? Int64.random(in: 1...1_000_000, using: &random) : 0,
            isEligible: Int.random(in: 0..<10, using: &random) == 0 ? Bool.random(using: &random) : nil)
    }

    /// The largest `numeric(15,2)`.
    static let amountMax: Int64 = 999_999_999_999_999

    var json: String {
        var fields = [
            "\"external_transaction_id\":\"\(externalID)\"", "\"affiliate_id\":\(affiliate)", "\"type\":\"\(type)\"",
            "\"amount\":\"\(Self.decimal(amount))\"",
        ]
        if winnings > 0 { fields.append("\"winnings\":\"\(Self.decimal(winnings))\"") }
        if let isEligible { fields.append("\"commission_eligible\":\(isEligible)") }
        return "{\(fields.joined(separator: ","))}"
    }

    static func decimal(_ minor: Int64) -> String { "\(minor / 100).\(minor % 100 < 10 ? "0" : "")\(minor % 100)" }

    /// Everything that PostgreSQL has accepted and not given up: facts and number by external id.
    static func stored(_ connection: PostgresConnection) throws -> [String: (id: Int64, facts: SentTransaction)] {
        let rows = try connection.execute(
            """
            SELECT external_transaction_id, transaction_id, affiliate_id, transaction_type, (amount * 100)::bigint,
                (winnings * 100)::bigint, commission_eligible
            FROM fature_v2.transactions WHERE NOT commission_dead
            """)
        var stored: [String: (id: Int64, facts: SentTransaction)] = [:]
        for row in 0..<rows.rowCount {
            let externalID = try rows.text(row, 0)
            stored[externalID] = (
                try rows.int(row, 1),
                SentTransaction(
                    externalID: externalID, affiliate: try rows.int(row, 2), type: try rows.text(row, 3),
                    amount: try rows.int(row, 4),
                    winnings: try rows.int(row, 5), isEligible: try rows.optionalBool(row, 6))
            )
        }
        return stored
    }
}

/// What a gateway says of one transaction of a batch.
struct TransactionAnswer: Decodable {
    var status: Int
    var transaction_id: Int64?
    var type: String?
    var field: String?
    var detail: String?
}

/// What a gateway says of a transaction sent alone that is accepted.
struct AcceptedAnswer: Decodable {
    var transaction_id: Int64
    var external_transaction_id: String
}

struct BatchAnswer: Decodable {
    var results: [TransactionAnswer]
}
