import Commission
import Core
import Testing

private func sums(_ ggr: String, _ deposits: String = "0.00", _ bonuses: String = "0.00") throws -> PeriodSums {
    PeriodSums(ggr: try money(ggr), deposits: try money(deposits), bonuses: try money(bonuses))
}

@Suite("Shares of net gaming revenue")
struct RevShareTests {
    private let rule: RevShareRule

    init() throws {
        rule = RevShareRule(
            rates: try rates("25%", "5%"), ggrFee: try Rate.parse("12%"), depositFee: try Rate.parse("2%"),
            isDeductingBonuses: true,
            isCarryingLosses: true)
    }

    private func settle(_ rule: RevShareRule, _ levels: [PeriodSums], carried: String = "0.00") throws -> RevShareSettlement {
        try rule.settle(
            levels.enumerated().map { RevShareLevel(levelDistance: $0.offset + 1, sums: $0.element) },
            carriedIn: try money(carried),
            rounding: .halfAwayFromZero)
    }

    @Test("the share is of GGR less the fees and the bonuses, level by level")
    func share() throws {
        let settled = try settle(rule, [try sums("1000.00", "500.00", "70.00"), try sums("200.00"), try sums("999.00")])
        // 1000 − 120 − 10 − 70; 200 − 24; a third level has no rate.
        #expect(settled.levels.map(\.ngr) == [try money("800.00"), try money("176.00"), try money("879.12")])
        #expect(settled.levels.map(\.share) == [try money("200.00"), try money("8.80"), .zero])
        #expect(settled.ngr == (try money("976.00")))
        #expect(settled.earned == (try money("208.80")) && settled.carriedOut == .zero)
    }

    @Test("bonuses stay in where the plan does not deduct them, and no fee is taken of a loss")
    func options() throws {
        var keeping = rule
        keeping.isDeductingBonuses = false
        #expect(try settle(keeping, [try sums("100.00", "0.00", "70.00")]).ngr == money("88.00"))
        #expect(try settle(rule, [try sums("-100.00", "-50.00")]).ngr == money("-100.00"))
    }

    @Test("a loss at one level is set against gains at others, and the rest is carried until it is made good")
    func losses() throws {
        let first = try settle(rule, [try sums("-1000.00"), try sums("500.00")])
        // −250 and 5% of 440.
        #expect(first.earned == .zero)
        #expect(first.carriedOut == (try money("-228.00")))
        let second = try settle(rule, [try sums("1000.00")], carried: "-228.00")
        #expect(second.earned == .zero)
        #expect(second.carriedOut == (try money("-8.00")))
        let third = try settle(rule, [try sums("1000.00")], carried: "-8.00")
        #expect(third.earned == (try money("212.00")) && third.carriedOut == .zero)
        let idle = try settle(rule, [], carried: "-8.00")
        #expect(idle.earned == .zero)
        #expect(idle.carriedOut == (try money("-8.00")))
    }

    @Test("without carrying a loss is forgotten, and so is what was carried in")
    func forgetting() throws {
        var forgetting = rule
        forgetting.isCarryingLosses = false
        #expect(try settle(forgetting, [try sums("-1000.00")]).carriedOut == .zero)
        #expect(try settle(forgetting, [try sums("1000.00")], carried: "-500.00").earned == money("220.00"))
        #expect(try settle(rule, [try sums("1000.00")], carried: "500.00").earned == money("220.00"))
    }

    @Test("over any run of periods, what is earned and what is carried at the end are the sum of all shares")
    func balance() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<500 {
            var carried = Money.zero
            var balance: Int128 = 0
            var earned: Int128 = 0
            for _ in 0..<12 {
                let levels = (1...2).map { distance in
                    RevShareLevel(
                        levelDistance: distance,
                        sums: PeriodSums(ggr: Money(minorUnits: Int64.random(in: -1_000_000...1_000_000, using: &random))))
                }
                let settled = try rule.settle(levels, carriedIn: carried, rounding: .halfEven)
                balance += settled.levels.reduce(0) { $0 + Int128($1.share.minorUnits) }
                earned += Int128(settled.earned.minorUnits)
                carried = settled.carriedOut
                #expect(settled.earned == .zero || settled.carriedOut == .zero)
                #expect(earned + Int128(carried.minorUnits) == balance)
            }
        }
    }

    @Test("sums of many times the largest amount are settled, and beyond 64 bits refused")
    func extremes() throws {
        let large = PeriodSums(ggr: Money(minorUnits: .max / 2), deposits: Money(minorUnits: .max / 2), bonuses: .max)
        #expect(try rule.ngr(of: large, rounding: .halfEven) > .zero)
        #expect(throws: MoneyError.self) {
            try rule.ngr(of: PeriodSums(ggr: Money(minorUnits: .min), bonuses: .max), rounding: .halfEven)
        }
        #expect(throws: MoneyError.self) {
            try settle(rule, [PeriodSums(ggr: Money(minorUnits: .max)), PeriodSums(ggr: Money(minorUnits: .max))])
        }
    }

    @Test("a transaction counts as GGR, a deposit or a bonus by its type")
    func transactions() throws {
        let amount = try money("10.00")
        func of(_ type: TransactionType, _ winnings: Money = .zero) throws -> PeriodSums {
            try PeriodSums(of: TransactionFacts(type: type, amount: amount, winnings: winnings, isCommissionEligible: true))
        }
        #expect(try of(.bet, money("12.00")) == sums("-2.00"))
        #expect(try of(.deposit) == sums("0.00", "10.00"))
        #expect(try of(.bonus) == sums("0.00", "0.00", "10.00"))
        #expect(try of(.withdrawal) == sums("0.00"))
        let all = try of(.bet).adding(of(.deposit)).adding(of(.bonus))
        #expect(all == (try sums("10.00", "10.00", "10.00")))
        #expect(try all.subtracting(all) == PeriodSums())
    }

    @Test(
        "a period begins on the first of a month or on a Monday, in UTC",
        arguments: [
            ("2026-01-31T23:59:59.999999Z", "2026-01-01", "2026-02-01", "2026-01-26", "2026-02-02"),
            ("2026-02-01T00:00:00Z", "2026-02-01", "2026-03-01", "2026-01-26", "2026-02-02"),
            ("2024-12-31T12:00:00Z", "2024-12-01", "2025-01-01", "2024-12-30", "2025-01-06"),
            ("2024-02-29T00:00:00Z", "2024-02-01", "2024-03-01", "2024-02-26", "2024-03-04"),
            ("2026-06-01T00:00:00Z", "2026-06-01", "2026-07-01", "2026-06-01", "2026-06-08"),
            ("1969-12-31T23:59:59Z", "1969-12-01", "1970-01-01", "1969-12-29", "1970-01-05"),
        ])
    func periods(date: String, month: String, nextMonth: String, week: String, nextWeek: String) throws {
        func moment(_ text: String) throws -> Int64 { try #require(Timestamp.parse(text.utf8)) }
        #expect(try SettlementPeriod.monthly.bounds(containing: moment(date)) == (moment(month), moment(nextMonth)))
        #expect(try SettlementPeriod.weekly.bounds(containing: moment(date)) == (moment(week), moment(nextWeek)))
    }
}
