import Commission
import Core

/// The same plan evaluated in the plainest way, to compare with: the list of levels first, then each rule, then the caps.
enum PlainModel {
    struct Paid: Equatable {
        var id: AffiliateID
        var ordinal: Int16
        var amount: Int64
    }

    static func paid(_ sample: RandomCase) -> [Paid] {
        let plan = sample.plan
        let facts = sample.facts
        guard facts.isCommissionEligible else { return [] }
        let everyone = sample.ancestors.enumerated().map { (distance: Int16($0.offset + 1), id: $0.element) }
        let standing = plan.isCompressing ? everyone.filter { !sample.inactive.contains($0.distance) } : everyone
        let rates = plan.percentage[facts.type]
        let cpa = facts.type == .deposit && facts.isFirstQualifyingDeposit ? plan.cpa?.amounts ?? [] : []
        var paidInAll: Int64 = 0
        var result: [Paid] = []
        for (index, ancestor) in standing.enumerated() where !sample.inactive.contains(ancestor.distance) {
            var paidToThisOne: Int64 = 0
            var wishes: [(ordinal: Int16, amount: Int64)] = []
            if index < rates.count {
                var share = rounded(facts.amount.minorUnits, Int64(rates[index].tenThousandths), plan.rounding)
                if let cap = plan.caps.beneficiaryPerMonth {
                    let left = cap.minorUnits - max(0, sample.earned[ancestor.id]?.minorUnits ?? 0)
                    share = min(share, max(0, left))
                }
                wishes.append((ancestor.distance, share))
            }
            if index < cpa.count { wishes.append((2_000 + ancestor.distance, cpa[index].minorUnits)) }
            for wish in wishes {
                var amount = wish.amount
                if let cap = plan.caps.beneficiaryPerTransaction { amount = min(amount, cap.minorUnits - paidToThisOne) }
                if let cap = plan.caps.totalPerTransaction { amount = min(amount, cap.minorUnits - paidInAll) }
                paidToThisOne += amount
                paidInAll += amount
                if amount > 0 { result.append(Paid(id: ancestor.id, ordinal: wish.ordinal, amount: amount)) }
            }
        }
        return result
    }

    /// Of a positive amount, from its quotient and remainder by schoolbook arithmetic on the two halves of the amount.
    static func rounded(_ amount: Int64, _ rate: Int64, _ rounding: Rounding) -> Int64 {
        let high = amount / 10_000 * rate
        let low = amount % 10_000 * rate
        let floor = high + low / 10_000
        let rest = low % 10_000
        if rest == 5_000 { return rounding == .halfEven && floor % 2 == 0 ? floor : floor + 1 }
        return rest > 5_000 ? floor + 1 : floor
    }
}
