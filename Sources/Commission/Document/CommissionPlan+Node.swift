import Core

extension CommissionPlan {
    /// What a plan that does not name its version or its date gets.
    package struct Issue: Equatable, Sendable {
        package var version: Int
        /// Microseconds since 1970 UTC.
        package var effectiveFrom: Int64

        package init(version: Int, effectiveFrom: Int64) {
            self.version = version
            self.effectiveFrom = effectiveFrom
        }
    }

    /// Reads a plan. Errors name the field, and the line if the node knows it.
    ///
    /// - Parameter issue: what takes the place of a version or a date that is left out. Nil: both must be there.
    package init(_ node: PlanNode, issue: Issue? = nil) throws(PlanError) {
        let fields = try PlanFields(node, path: "", known: Self.fieldNames)
        do {
            self = try CommissionPlan(
                name: try fields.required("name", "a name") { $0 },
                version: try fields.required("version", "a whole number from 1", orElse: issue?.version) { Self.number($0) },
                effectiveFrom: try fields.required(
                    "effective_from", "a date and time as in 2026-01-31T00:00:00Z", orElse: issue?.effectiveFrom
                ) { Timestamp.parse($0.utf8) },
                currency: try fields.optional("currency", "three capital letters, as in BRL") { Currency($0) } ?? .brl,
                rounding: try fields.optional("rounding", "half_away_from_zero or half_even") { Rounding(name: $0) }
                    ?? .halfAwayFromZero,
                isCompressing: try fields.optional("compression", Self.truthText) { Self.truth($0) } ?? false,
                percentage: try fields.node("percentage").map(Self.percentage) ?? PercentageRule(),
                cpa: try fields.node("cpa").map(Self.cpa),
                revShare: try fields.node("revshare").map(Self.revShare),
                caps: try fields.node("caps").map(Self.caps) ?? CommissionCaps())
        } catch {
            throw error.located(in: node)
        }
    }

    static let fieldNames = [
        "name", "version", "effective_from", "currency", "rounding", "compression", "percentage", "cpa", "revshare", "caps",
    ]
    private static let rateText = "a rate as in 5%, 0.5% or 0.05"
    private static let amountText = "an amount as in 100.00"
    private static let truthText = "true or false"

    private static func number(_ text: String) -> Int? {
        // Int accepts a sign.
        text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? Int(text) : nil
    }

    private static func truth(_ text: String) -> Bool? { text == "true" ? true : text == "false" ? false : nil }

    private static func rate(_ text: String) throws(MoneyError) -> Rate? { try Rate.parse(text) }

    private static func amount(_ text: String) throws(MoneyError) -> Money? { try Money.parse(text) }

    private static func percentage(_ node: PlanNode) throws(PlanError) -> PercentageRule {
        let fields = try PlanFields(node, path: "percentage", known: TransactionType.allCases.map { "\($0.name)" })
        return PercentageRule(
            deposit: try fields.list("deposit", rateText, rate) ?? [], bet: try fields.list("bet", rateText, rate) ?? [],
            withdrawal: try fields.list("withdrawal", rateText, rate) ?? [], bonus: try fields.list("bonus", rateText, rate) ?? []
        )
    }

    private static func cpa(_ node: PlanNode) throws(PlanError) -> CPARule {
        let fields = try PlanFields(node, path: "cpa", known: ["amounts", "minimum_deposit", "window_days"])
        return CPARule(
            amounts: try fields.list("amounts", amountText, amount) ?? [],
            minimumDeposit: try fields.optional("minimum_deposit", amountText, amount) ?? .zero,
            windowDays: try fields.optional("window_days", "a whole number of days") { number($0) })
    }

    private static func revShare(_ node: PlanNode) throws(PlanError) -> RevShareRule {
        let fields = try PlanFields(
            node, path: "revshare", known: ["rates", "period", "ggr_fee", "deposit_fee", "deduct_bonuses", "carry_losses"])
        return RevShareRule(
            rates: try fields.list("rates", rateText, rate) ?? [],
            period: try fields.optional("period", "monthly or weekly") { SettlementPeriod(name: $0) } ?? .monthly,
            ggrFee: try fields.optional("ggr_fee", rateText, rate) ?? .zero,
            depositFee: try fields.optional("deposit_fee", rateText, rate) ?? .zero,
            isDeductingBonuses: try fields.optional("deduct_bonuses", truthText) { truth($0) } ?? true,
            isCarryingLosses: try fields.optional("carry_losses", truthText) { truth($0) } ?? false)
    }

    private static func caps(_ node: PlanNode) throws(PlanError) -> CommissionCaps {
        let fields = try PlanFields(node, path: "caps", known: ["per_transaction", "per_month"])
        var caps = CommissionCaps()
        if let node = fields.node("per_transaction") {
            let limits = try PlanFields(node, path: fields.path("per_transaction"), known: ["beneficiary", "total"])
            caps.beneficiaryPerTransaction = try limits.optional("beneficiary", amountText, amount)
            caps.totalPerTransaction = try limits.optional("total", amountText, amount)
        }
        if let node = fields.node("per_month") {
            let limits = try PlanFields(node, path: fields.path("per_month"), known: ["beneficiary"])
            caps.beneficiaryPerMonth = try limits.optional("beneficiary", amountText, amount)
        }
        return caps
    }
}

extension PlanError {
    /// The same error with the line of its field, or of the nearest mapping or list around it that is there.
    fileprivate func located(in root: PlanNode) -> PlanError {
        guard line == nil else { return self }
        var located = self
        located.line = root.line
        var node = root
        for step in field.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            switch node.content {
            case .fields(let fields):
                guard let next = fields.first(where: { $0.name == step })?.value else { return located }
                node = next
            case .list(let items):
                guard let index = Int(step), items.indices.contains(index) else { return located }
                node = items[index]
            case .text: return located
            }
            located.line = node.line ?? located.line
        }
        return located
    }
}
