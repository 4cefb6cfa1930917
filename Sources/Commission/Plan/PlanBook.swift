import Core

/// All versions of the programme's plan, each holding from its date until the next one's.
package struct PlanBook: Equatable, Sendable {
    /// In the order of their dates, which is that of their numbers.
    package let plans: [CommissionPlan]

    /// Throws `overlap` if two versions hold from one moment, carry one number, or are in another order by date than by number, and
    /// `outOfRange` if their currencies differ.
    package init(_ plans: [CommissionPlan]) throws(PlanError) {
        self.plans = plans.sorted { $0.effectiveFrom < $1.effectiveFrom }
        for (plan, next) in zip(self.plans, self.plans.dropFirst()) {
            guard plan.effectiveFrom < next.effectiveFrom else {
                throw PlanError(
                    .overlap, "effective_from", "versions \(plan.version) and \(next.version) hold from the same moment")
            }
            guard plan.version < next.version else {
                throw PlanError(
                    .overlap, "version",
                    "version \(next.version) holds later than version \(plan.version) and needs a higher number")
            }
            guard plan.currency == next.currency else {
                throw PlanError(
                    .outOfRange, "currency",
                    "version \(plan.version) is in \(plan.currency) and version \(next.version) in \(next.currency)")
            }
        }
    }

    /// Where in `plans` the version stands that holds at a date (microseconds since 1970 UTC), or nil before the first.
    package func index(at date: Int64) -> Int? {
        var low = 0
        var high = plans.count
        while low < high {
            let middle = (low + high) / 2
            if plans[middle].effectiveFrom <= date { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    /// The version that holds at a date (microseconds since 1970 UTC), or nil before the first.
    package func plan(at date: Int64) -> CommissionPlan? { index(at: date).map { plans[$0] } }

    /// The version with a number.
    package func plan(version: Int) -> CommissionPlan? { plans.first { $0.version == version } }

    /// The book with one more version at its end. Throws what `init` throws, and `tooLate` if the version would hold from the last one's
    /// moment or before it, or before `earliest`: what has been paid stays as it is.
    ///
    /// - Parameter earliest: microseconds since 1970 UTC, as a rule the present. Nothing dated then or later may have been paid yet.
    package func adding(_ plan: CommissionPlan, notBefore earliest: Int64) throws(PlanError) -> PlanBook {
        if let last = plans.last, plan.effectiveFrom <= last.effectiveFrom {
            throw PlanError(
                .tooLate, "effective_from", "version \(last.version) holds from that moment or later; choose a later date")
        }
        guard plan.effectiveFrom >= earliest else {
            throw PlanError(
                .tooLate, "effective_from", "transactions of that time may have been paid already; choose a later date")
        }
        return try PlanBook(plans + [plan])
    }
}
