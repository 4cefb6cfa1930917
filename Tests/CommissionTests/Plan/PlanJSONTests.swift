import Commission
import Core
import Testing

private func full() throws -> CommissionPlan {
    try CommissionPlan(
        name: "hybrid-2", version: 7, effectiveFrom: 1_767_225_600_000_001, rounding: .halfEven, isCompressing: true,
        percentage: PercentageRule(deposit: rates("5%", "0%", "0.01%"), bonus: rates("100%")),
        cpa: CPARule(amounts: [money("50.00"), money("0.00")], minimumDeposit: money("20.00"), windowDays: 30),
        revShare: RevShareRule(
            rates: rates("25%"), period: .weekly, ggrFee: Rate.parse("12%"), depositFee: Rate.parse("2%"),
            isDeductingBonuses: false,
            isCarryingLosses: true),
        caps: CommissionCaps(
            beneficiaryPerTransaction: money("500.00"), totalPerTransaction: .max, beneficiaryPerMonth: money("20000.00")))
}

private func refusal(_ json: String) -> String? {
    do {
        _ = try CommissionPlan(json: json)
        return nil
    } catch {
        return "\(error.code.rawValue) \(error.field) \(error.line.map(String.init) ?? "")"
    }
}

private let head = "\"name\":\"a\",\"version\":1,\"effective_from\":\"2026-01-01\""

@Suite("Plans as JSON")
struct PlanJSONTests {
    @Test("the canonical text has every field in its order, rates and amounts as PostgreSQL casts them")
    func canonical() throws {
        #expect(
            try full().canonicalJSON == """
                {"name":"hybrid-2","version":7,"effective_from":"2026-01-01T00:00:00.000001Z","currency":"BRL","rounding":"half_even",\
                "compression":true,"percentage":{"deposit":["0.0500","0.0000","0.0001"],"bonus":["1.0000"]},\
                "cpa":{"amounts":["50.00","0.00"],"minimum_deposit":"20.00","window_days":30},\
                "revshare":{"rates":["0.2500"],"period":"weekly","ggr_fee":"0.1200","deposit_fee":"0.0200","deduct_bonuses":false,\
                "carry_losses":true},"caps":{"per_transaction":{"beneficiary":"500.00","total":"9999999999999.99"},\
                "per_month":{"beneficiary":"20000.00"}}}
                """)
        #expect(
            CommissionPlan.standard.canonicalJSON == """
                {"name":"default","version":1,"effective_from":"1970-01-01T00:00:00Z","currency":"BRL","rounding":"half_away_from_zero",\
                "compression":false,"percentage":{"deposit":["0.0500","0.0300","0.0200","0.0100","0.0050"],\
                "bet":["0.0500","0.0300","0.0200","0.0100","0.0050"]}}
                """)
    }

    @Test("a plan comes back from its text as it was, and so do thousands of random ones")
    func roundTrip() throws {
        #expect(try CommissionPlan(json: full().canonicalJSON) == full())
        #expect(try CommissionPlan(json: CommissionPlan.standard.canonicalJSON) == .standard)
        var random = SplitMix64(seed: 5)
        for _ in 0..<2_000 {
            let plan = try RandomCase(using: &random).plan
            #expect(try CommissionPlan(json: plan.canonicalJSON) == plan)
        }
    }

    @Test("fields may stand in any order with blanks between, as jsonb gives them back, and numbers may be bare")
    func jsonb() throws {
        let text = """
            {"percentage": {"bet": [0.05, "5%"]},
             "version": 2, "name": "\\u0061\\u002d1", "effective_from": "2026-01-01 00:00:00+00:00"}
            """
        let read = try CommissionPlan(json: text)
        #expect(read.name == "a-1" && read.version == 2)
        #expect(read.percentage == PercentageRule(bet: try rates("5%", "5%")))
        #expect(read.effectiveFrom == Timestamp.parse("2026-01-01".utf8))
    }

    @Test(
        "a field that is unknown, missing, there twice, of another shape or beyond its limits is named, with its line",
        arguments: [
            ("{\(head),\"levels\":[]}", "unknown_field levels 1"),
            ("{\(head),\n\"cpa\":{\"amounts\":[\"1.00\"],\n\"minimum\":\"1.00\"}}", "unknown_field cpa.minimum 3"),
            ("{\"name\":\"a\"}", "missing_field version 1"),
            ("{\(head),\"version\":2}", "invalid_value version 1"),
            ("{\(head),\"cpa\":null}", "wrong_shape cpa 1"),
            ("{\(head),\"cpa\":[]}", "wrong_shape cpa 1"),
            ("{\(head),\n\"percentage\":{\"bet\":\n\"5%\"}}", "wrong_shape percentage.bet 3"),
            ("{\(head),\"percentage\":{\"bet\":[\n\"5%\",\n[\"5%\"]]}}", "wrong_shape percentage.bet[1] 3"),
            ("{\(head),\"percentage\":{\"bet\":[5]}}", "invalid_value percentage.bet[0] 1"),
            ("{\(head),\"percentage\":{\"bet\":[5e-2]}}", "invalid_value percentage.bet[0] 1"),
            ("{\(head),\"percentage\":{\n\"bet\":[\n\"60%\",\n\"60%\"]}}", "out_of_range percentage.bet 2"),
            ("{\(head),\"cpa\":{\"amounts\":[\n\"1.005\"]}}", "invalid_value cpa.amounts[0] 2"),
            ("{\(head),\"cpa\":{\"amounts\":[\"1\"],\n\"window_days\":0}}", "out_of_range cpa.window_days 2"),
            ("{\(head),\"cpa\":{\"amounts\":[\"1\"],\"window_days\":-1}}", "invalid_value cpa.window_days 1"),
            ("{\(head),\"compression\":\"yes\"}", "invalid_value compression 1"),
            ("{\(head),\"rounding\":\"up\"}", "invalid_value rounding 1"),
            ("{\(head),\"currency\":\"real\"}", "invalid_value currency 1"),
            ("{\"name\":\"a\",\"version\":1,\"effective_from\":\"2026-02-30\"}", "invalid_value effective_from 1"),
            ("{\"name\":\"A\",\"version\":1,\"effective_from\":\"2026-02-28\"}", "out_of_range name 1"),
            ("[]", "wrong_shape  1"),
        ])
    func faults(json: String, wanted: String) { #expect(refusal(json) == wanted) }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", " ", "{", "}", "{\"name\"", "{\"name\":", "{\"name\":}", "{\"name\":\"a\",}", "{name:1}", "{\"name\" \"a\"}",
            "{\"name\":\"a",
            "{\"name\":\"\\x\"}", "{\"name\":\"\\u12\"}", "{\"name\":\"\\ud800\"}", "{\"name\":\"\\ud800\\u0041\"}",
            "{\"name\":\"\\udc00\"}",
            "{\"name\":\"\\u+123\"}", "{\"name\":\"\n\"}", "{} {}", "{}]", "[1 2]", "[1,]", "{\"name\":\"a\"", "\"", "\\",
            String(repeating: "[", count: 100_000), String(repeating: " ", count: 1 << 20) + "{",
        ])
    func malformed(json: String) { #expect(refusal(json)?.hasPrefix("malformed") == true, "\(json.prefix(40))") }

    @Test("a text cut short anywhere is refused and never traps")
    func cut() throws {
        let text = try full().canonicalJSON
        for length in 0..<text.utf8.count { #expect(refusal(String(decoding: text.utf8.prefix(length), as: UTF8.self)) != nil) }
    }

    @Test("a text with any byte changed is refused or read, and never traps")
    func changed() throws {
        var random = SplitMix64(seed: 6)
        let bytes = Array(try full().canonicalJSON.utf8)
        for _ in 0..<20_000 {
            var copy = bytes
            copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            _ = refusal(String(decoding: copy, as: UTF8.self))
        }
    }
}
