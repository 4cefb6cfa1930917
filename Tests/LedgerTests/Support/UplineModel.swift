import PostgresClient
import TestServers

/// What the default plan makes of a transaction's ancestors, in minor units, apart from any code of the product.
struct UplineModel {
    private static let tenThousandths: [Int64] = [500, 300, 200, 100, 50]
    private let figures: LedgerFigures

    init(_ connection: PostgresConnection) { figures = LedgerFigures(connection: connection) }

    /// `beneficiary distance rate amount reason` of every ancestor, nearest first.
    func levels(of transaction: Int64) throws -> [String] {
        let row = try figures.row(
            """
            SELECT transaction_type, (amount * 100)::bigint, array_to_string(upline, ','), coalesce(array_to_string(upline_inactive, ','), ''),
                coalesce(commission_eligible, transaction_type IN ('deposit', 'bet'))
            FROM fature_v2.transactions WHERE transaction_id = $1
            """, [.int(transaction)]
        ).split(separator: " ", omittingEmptySubsequences: false)
        let amount = Int64(row[1]) ?? 0
        let upline = row[2].split(separator: ",")
        let inactive = Set(row[3].split(separator: ",").compactMap { Int($0) })
        return upline.enumerated().map { at, beneficiary in
            let (rate, minor, reason) = Self.level(
                at + 1, amount, isRated: ["deposit", "bet"].contains(row[0]), isEligible: row[4] == "t",
                isActive: !inactive.contains(at + 1))
            let digits = String("\(10_000 + rate)".dropFirst())
            return "\(beneficiary) \(at + 1) 0.\(digits) \(SentTransaction.decimal(minor)) \(reason)"
        }
    }

    private static func level(
        _ distance: Int, _ amount: Int64, isRated: Bool, isEligible: Bool, isActive: Bool
    ) -> (rate: Int64, minor: Int64, reason: String) {
        guard isRated else { return (0, 0, "no_rule_for_type") }
        guard distance <= tenThousandths.count else { return (0, 0, "beyond_plan_depth") }
        let rate = tenThousandths[distance - 1]
        guard isEligible else { return (rate, 0, "not_eligible") }
        guard isActive else { return (rate, 0, "inactive") }
        // Half a minor unit away from zero; amounts are positive, and 10^15 times 500 fits.
        let minor = (amount * rate + 5000) / 10_000
        return minor == 0 ? (rate, 0, "rounds_to_zero") : (rate, minor, "paid")
    }
}
