import Core

/// A beneficiary's downline at one level distance, in one period.
package struct RevShareLevel: Equatable, Sendable {
    /// From 1.
    package var levelDistance: Int
    package var sums: PeriodSums

    package init(levelDistance: Int, sums: PeriodSums) {
        self.levelDistance = levelDistance
        self.sums = sums
    }
}

/// What one beneficiary earns in one period, and how that came about.
package struct RevShareSettlement: Equatable, Sendable {
    package struct Level: Equatable, Sendable {
        package let levelDistance: Int
        /// 0% beyond the plan's levels.
        package let rate: Rate
        /// Net gaming revenue; negative after a loss.
        package let ngr: Money
        /// The rate's share of it; negative after a loss.
        package let share: Money
    }

    package let levels: [Level]
    /// Net gaming revenue of all levels that have a rate.
    package let ngr: Money
    /// Never negative.
    package let earned: Money
    /// 0.00, or what the next period's shares must make good first, which is negative.
    package let carriedOut: Money
}

extension RevShareRule {
    /// What a beneficiary earns in a period.
    ///
    ///     GGR     = stakes − winnings
    ///     NGR     = GGR − GGR fee × max(GGR, 0) − deposit fee × max(deposits, 0) − bonuses, if they are deducted
    ///     share   = rate × NGR, for each level distance
    ///     balance = the sum of the shares + carried in, if losses are carried
    ///     earned  = max(balance, 0)
    ///     carried out = min(balance, 0), if losses are carried, else 0
    ///
    /// Each product is rounded once, as the plan rounds. A loss at one level distance is set against gains at the others. Losses are carried in
    /// money of the beneficiary's, not of the operator's: rates may differ between levels and change between periods.
    ///
    /// Net gaming revenue has no legal definition. This is the programme's own, "GGR less fees and bonuses", and GGR is what the trade means by
    /// it: stakes less winnings.
    ///
    /// - Parameter carriedIn: what the settlement before carried out; a positive amount counts as 0.00.
    /// - Throws: `tooLarge` if a figure is outside 64 bits, which needs sums of thousands of times DECIMAL(15,2).
    package func settle(_ levels: [RevShareLevel], carriedIn: Money, rounding: Rounding) throws(MoneyError) -> RevShareSettlement
    {
        var settled: [RevShareSettlement.Level] = []
        settled.reserveCapacity(levels.count)
        var balance = isCarryingLosses ? min(carriedIn, .zero) : .zero
        var total = Money.zero
        for level in levels {
            let hasRate = level.levelDistance >= 1 && level.levelDistance <= rates.count
            let rate = hasRate ? rates[level.levelDistance - 1] : .zero
            let ngr = try ngr(of: level.sums, rounding: rounding)
            let share = Money.share(of: ngr, rate: rate, rounding: rounding)
            settled.append(RevShareSettlement.Level(levelDistance: level.levelDistance, rate: rate, ngr: ngr, share: share))
            guard rate > .zero else { continue }
            total = try total.adding(ngr)
            balance = try balance.adding(share)
        }
        return RevShareSettlement(
            levels: settled, ngr: total, earned: max(balance, .zero), carriedOut: isCarryingLosses ? min(balance, .zero) : .zero)
    }

    /// Net gaming revenue. Throws `tooLarge` if it is outside 64 bits.
    package func ngr(of sums: PeriodSums, rounding: Rounding) throws(MoneyError) -> Money {
        let ggrFees = Money.share(of: max(sums.ggr, .zero), rate: ggrFee, rounding: rounding)
        let depositFees = Money.share(of: max(sums.deposits, .zero), rate: depositFee, rounding: rounding)
        let ngr = try sums.ggr.subtracting(ggrFees).subtracting(depositFees)
        return isDeductingBonuses ? try ngr.subtracting(sums.bonuses) : ngr
    }
}
