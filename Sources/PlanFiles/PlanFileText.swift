import Commission
import Core

extension PlanFile {
    /// A plan as the text of a file that reads back as the same plan.
    package static func text(of plan: CommissionPlan) -> String {
        let date = ByteBuilder(capacity: 64)
        date.appendRFC3339(unixMicroseconds: plan.effectiveFrom)
        var lines = [
            "name: \(quoted(plan.name))",
            "version: \(plan.version)",
            "effective_from: \(String(decoding: date.bytes, as: UTF8.self))",
            "currency: \(quoted("\(plan.currency)"))",
            "rounding: \(plan.rounding.name)",
            "compression: \(plan.isCompressing)",
        ]
        let types = TransactionType.allCases.filter { !plan.percentage[$0].isEmpty }
        if !types.isEmpty {
            lines.append("percentage:")
            for type in types { lines.append("  \(type.name): \(list(plan.percentage[type]))") }
        }
        if let cpa = plan.cpa {
            lines += ["cpa:", "  amounts: \(list(cpa.amounts))", "  minimum_deposit: \(cpa.minimumDeposit)"]
            if let days = cpa.windowDays { lines.append("  window_days: \(days)") }
        }
        if let revShare = plan.revShare {
            lines += [
                "revshare:",
                "  rates: \(list(revShare.rates))",
                "  period: \(revShare.period.name)",
                "  ggr_fee: \(revShare.ggrFee)",
                "  deposit_fee: \(revShare.depositFee)",
                "  deduct_bonuses: \(revShare.isDeductingBonuses)",
                "  carry_losses: \(revShare.isCarryingLosses)",
            ]
        }
        lines += caps(plan.caps)
        return lines.joined(separator: "\n") + "\n"
    }

    /// Without quotes a name of digits or of one of YAML's own words would look like something else to other programs.
    private static func quoted(_ word: String) -> String { "\"\(word)\"" }

    private static func list(_ values: [some CustomStringConvertible]) -> String {
        "[\(values.map(\.description).joined(separator: ", "))]"
    }

    private static func caps(_ caps: CommissionCaps) -> [String] {
        var lines: [String] = []
        if caps.beneficiaryPerTransaction != nil || caps.totalPerTransaction != nil {
            lines.append("  per_transaction:")
            if let cap = caps.beneficiaryPerTransaction { lines.append("    beneficiary: \(cap)") }
            if let cap = caps.totalPerTransaction { lines.append("    total: \(cap)") }
        }
        if let cap = caps.beneficiaryPerMonth { lines += ["  per_month:", "    beneficiary: \(cap)"] }
        return lines.isEmpty ? [] : ["caps:"] + lines
    }
}
