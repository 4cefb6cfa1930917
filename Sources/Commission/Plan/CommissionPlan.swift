import Core

/// What affiliates earn from their downline's transactions, from a date on. A value of this type has passed all checks.
///
/// A hybrid is any combination of percentage, CPA and RevShare. How a transaction is evaluated stands in `docs/design/plans.md`.
package struct CommissionPlan: Equatable, Sendable {
    /// A label: 1 to 64 of `a`–`z`, `0`–`9`, `-` and `_`.
    package let name: String
    /// 1, 2, 3, … in the order of the dates from which the versions hold. A commission names the version that made it.
    package let version: Int
    /// Microseconds since 1970-01-01 00:00:00 UTC. Transactions dated from this moment on are paid by this plan, until a later one holds.
    package let effectiveFrom: Int64
    package let currency: Currency
    package let rounding: Rounding
    /// Whether an inactive ancestor is passed over and the next active one takes its level. If not, the inactive one's share is lost.
    package let isCompressing: Bool
    package let percentage: PercentageRule
    package let cpa: CPARule?
    package let revShare: RevShareRule?
    package let caps: CommissionCaps

    /// A plan, or the first thing that is wrong with it, by field.
    package init(
        name: String, version: Int, effectiveFrom: Int64, currency: Currency = .brl, rounding: Rounding = .halfAwayFromZero,
        isCompressing: Bool = false, percentage: PercentageRule = PercentageRule(), cpa: CPARule? = nil,
        revShare: RevShareRule? = nil,
        caps: CommissionCaps = CommissionCaps()
    ) throws(PlanError) {
        self.name = name
        self.version = version
        self.effectiveFrom = effectiveFrom
        self.currency = currency
        self.rounding = rounding
        self.isCompressing = isCompressing
        self.percentage = percentage
        self.cpa = cpa
        self.revShare = revShare
        self.caps = caps
        try validate()
    }

    private init(standardRates rates: [Rate]) {
        name = "default"
        version = 1
        effectiveFrom = 0
        currency = .brl
        rounding = .halfAwayFromZero
        isCompressing = false
        percentage = PercentageRule(deposit: rates, bet: rates)
        cpa = nil
        revShare = nil
        caps = CommissionCaps()
    }

    /// The plan that a new cluster starts with: 5, 3, 2, 1 and 0.5% of deposits and bets at level distances 1 to 5.
    package static let standard = CommissionPlan(
        standardRates: [500, 300, 200, 100, 50].compactMap { Rate(tenThousandths: $0) })

    /// The same rules under another number and from another date.
    package func reissued(version: Int, effectiveFrom: Int64) throws(PlanError) -> CommissionPlan {
        try CommissionPlan(
            name: name, version: version, effectiveFrom: effectiveFrom, currency: currency, rounding: rounding,
            isCompressing: isCompressing,
            percentage: percentage, cpa: cpa, revShare: revShare, caps: caps)
    }
}

/// A share of a transaction's amount for each level: the first rate for level 1, and so on. No rates: the type pays nothing.
package struct PercentageRule: Equatable, Sendable {
    package var deposit: [Rate]
    package var bet: [Rate]
    package var withdrawal: [Rate]
    package var bonus: [Rate]

    package init(deposit: [Rate] = [], bet: [Rate] = [], withdrawal: [Rate] = [], bonus: [Rate] = []) {
        self.deposit = deposit
        self.bet = bet
        self.withdrawal = withdrawal
        self.bonus = bonus
    }

    package subscript(type: TransactionType) -> [Rate] {
        switch type {
        case .deposit: deposit
        case .bet: bet
        case .withdrawal: withdrawal
        case .bonus: bonus
        }
    }
}

/// The most that is paid. Nil: no limit.
package struct CommissionCaps: Equatable, Sendable {
    /// What one transaction pays one beneficiary, percentage and CPA together.
    package var beneficiaryPerTransaction: Money?
    /// What one transaction pays in all. The nearest ancestors are paid first.
    package var totalPerTransaction: Money?
    /// What one beneficiary earns from percentages in one calendar month, UTC.
    package var beneficiaryPerMonth: Money?

    package init(
        beneficiaryPerTransaction: Money? = nil, totalPerTransaction: Money? = nil, beneficiaryPerMonth: Money? = nil
    ) {
        self.beneficiaryPerTransaction = beneficiaryPerTransaction
        self.totalPerTransaction = totalPerTransaction
        self.beneficiaryPerMonth = beneficiaryPerMonth
    }
}
