import Core

/// How much a plan may hold.
package enum PlanLimits {
    /// Levels of one rule. No affiliate in PostgreSQL has more ancestors.
    package static let levelsMax = 1_000
    package static let nameBytesMax = 64
    package static let versionMax = Int(Int32.max)
    /// The last microsecond of the year 9999.
    package static let effectiveFromMicrosecondsMax: Int64 = 253_402_300_799_999_999
    package static let windowDaysMax = 36_500
}

extension CommissionPlan {
    func validate() throws(PlanError) {
        try validateHead()
        for type in TransactionType.allCases { try Self.validate(rates: percentage[type], field: "percentage.\(type.name)") }
        if let cpa { try Self.validate(cpa) }
        if let revShare {
            guard !revShare.rates.isEmpty else {
                throw PlanError(.outOfRange, "revshare.rates", "give a rate for level 1 at least")
            }
            try Self.validate(rates: revShare.rates, field: "revshare.rates")
        }
        try Self.validate(cap: caps.beneficiaryPerTransaction, field: "caps.per_transaction.beneficiary")
        try Self.validate(cap: caps.totalPerTransaction, field: "caps.per_transaction.total")
        try Self.validate(cap: caps.beneficiaryPerMonth, field: "caps.per_month.beneficiary")
    }

    private func validateHead() throws(PlanError) {
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName, (1...PlanLimits.nameBytesMax).contains(name.utf8.count) else {
            throw PlanError(.outOfRange, "name", "a name is 1 to \(PlanLimits.nameBytesMax) of a–z, 0–9, - and _")
        }
        guard (1...PlanLimits.versionMax).contains(version) else {
            throw PlanError(.outOfRange, "version", "a version is 1 to \(PlanLimits.versionMax)")
        }
        guard (0...PlanLimits.effectiveFromMicrosecondsMax).contains(effectiveFrom) else {
            throw PlanError(.outOfRange, "effective_from", "a plan holds from a date in the years 1970 to 9999")
        }
    }

    private static func validate(rates: [Rate], field: String) throws(PlanError) {
        guard rates.count <= PlanLimits.levelsMax else {
            throw PlanError(.outOfRange, field, "there are \(rates.count) levels; a rule has at most \(PlanLimits.levelsMax)")
        }
        // At most 1,000 rates of at most 10,000.
        let sum = rates.reduce(0) { $0 + Int($1.tenThousandths) }
        guard sum <= Int(Rate.max.tenThousandths) else {
            throw PlanError(.outOfRange, field, "the levels together give more than 100% away; lower some rates")
        }
    }

    private static func validate(_ cpa: CPARule) throws(PlanError) {
        guard (1...PlanLimits.levelsMax).contains(cpa.amounts.count) else {
            throw PlanError(
                .outOfRange, "cpa.amounts", "there are \(cpa.amounts.count) levels; give 1 to \(PlanLimits.levelsMax)")
        }
        for (index, amount) in cpa.amounts.enumerated() where amount < .zero || !amount.isStorable {
            throw PlanError(.outOfRange, "cpa.amounts[\(index)]", "an amount is 0.00 to \(Money.max)")
        }
        guard cpa.minimumDeposit >= .zero, cpa.minimumDeposit.isStorable else {
            throw PlanError(.outOfRange, "cpa.minimum_deposit", "an amount is 0.00 to \(Money.max)")
        }
        if let days = cpa.windowDays, !(1...PlanLimits.windowDaysMax).contains(days) {
            throw PlanError(
                .outOfRange, "cpa.window_days",
                "a window is 1 to \(PlanLimits.windowDaysMax) days; leave the field out for no window")
        }
    }

    private static func validate(cap: Money?, field: String) throws(PlanError) {
        if let cap, cap <= .zero || !cap.isStorable {
            throw PlanError(.outOfRange, field, "a cap is 0.01 to \(Money.max); leave the field out for no cap")
        }
    }
}
