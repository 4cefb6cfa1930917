import Commission
import Core
import Foundation
import PlanFiles
import Testing

/// The samples that go with the product.
private let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "cluster/plans").path()

private let head = "name: a\nversion: 1\neffective_from: 2026-01-01\n"

private func refusal(_ text: String) -> String? {
    do {
        _ = try PlanFile.parse(text, file: "p.yaml")
        return nil
    } catch {
        return error.description
    }
}

@Suite("Plan files")
struct PlanFileTests {
    @Test("default.yaml is the standard plan")
    func standard() throws {
        #expect(try PlanFile.read(path: samples + "/default.yaml") == .standard)
    }

    @Test("hybrid.yaml says what its comments say")
    func hybrid() throws {
        let issue = CommissionPlan.Issue(version: 9, effectiveFrom: 42)
        let plan = try PlanFile.read(path: samples + "/hybrid.yaml", issue: issue)
        #expect(plan.name == "hybrid" && plan.version == 9 && plan.effectiveFrom == 42)
        #expect(plan.rounding == .halfEven && plan.isCompressing)
        #expect(plan.percentage == PercentageRule(bet: try ["0.5%", "0.25%", "0.1%"].map { try Rate.parse($0) }))
        #expect(plan.cpa?.amounts == [Money(minorUnits: 12_000), Money(minorUnits: 2_000)])
        #expect(plan.cpa?.minimumDeposit == Money(minorUnits: 5_000) && plan.cpa?.windowDays == 30)
        #expect(plan.revShare?.rates.map(\.tenThousandths) == [2_500, 500, 200])
        #expect(plan.revShare?.ggrFee.tenThousandths == 1_200 && plan.revShare?.depositFee.tenThousandths == 150)
        #expect(plan.revShare?.isCarryingLosses == true && plan.revShare?.isDeductingBonuses == true)
        #expect(plan.caps.beneficiaryPerTransaction == Money(minorUnits: 50_000))
        #expect(plan.caps.totalPerTransaction == Money(minorUnits: 75_000))
        #expect(plan.caps.beneficiaryPerMonth == Money(minorUnits: 2_000_000))
        #expect(throws: PlanFileError.self) { try PlanFile.read(path: samples + "/hybrid.yaml") }
    }

    @Test("a plan written as a file or as JSON reads back as the same plan", arguments: ["default", "hybrid"])
    func roundTrip(sample: String) throws {
        let issue = CommissionPlan.Issue(version: 3, effectiveFrom: 1_767_225_600_000_001)
        let plan = try PlanFile.read(path: "\(samples)/\(sample).yaml", issue: issue)
        #expect(try PlanFile.parse(PlanFile.text(of: plan), file: "text") == plan)
        #expect(try PlanFile.parse(plan.canonicalJSON, file: "json") == plan)
        #expect(try CommissionPlan(json: plan.canonicalJSON) == plan)
    }

    @Test(
        "a plan named like a number or a word of YAML comes back with its name",
        arguments: ["1", "true", "null", "0x1", "1e3", "-", "no"])
    func names(name: String) throws {
        let plan = try CommissionPlan(name: name, version: 1, effectiveFrom: 0)
        #expect(try PlanFile.parse(PlanFile.text(of: plan), file: "text") == plan)
    }

    @Test("rates and amounts are read as the text they are, however YAML would understand it")
    func text() throws {
        let plan = try PlanFile.parse(
            head + """
                percentage:
                  deposit:
                    - 0.05
                    - "3%"
                    - 0.0001
                  bet: [0.10, 1%]
                cpa: {amounts: [100, 0.10, '0.05'], minimum_deposit: 9999999999999.99}
                """, file: "p.yaml")
        #expect(plan.percentage.deposit.map(\.tenThousandths) == [500, 300, 1])
        #expect(plan.percentage.bet.map(\.tenThousandths) == [1_000, 100])
        #expect(plan.cpa?.amounts.map(\.minorUnits) == [10_000, 10, 5])
        #expect(plan.cpa?.minimumDeposit == .max)
    }

    @Test(
        "an error names the file, the line and the field",
        arguments: [
            ("", "p.yaml: there is nothing in it; write a plan's fields"),
            ("# nothing\n", "p.yaml: there is nothing in it; write a plan's fields"),
            ("just words", "p.yaml:1: write fields here: "),
            ("- a\n- b", "p.yaml:1: write fields here: "),
            (
                "name: a\nversion: 1\n",
                "p.yaml:1: effective_from: the field is missing; write a date and time as in 2026-01-31T00:00:00Z"
            ),
            (head + "rates: [5%]", "p.yaml:4: rates: there is no such field; there are name, version,"),
            (head + "cpa:\n  amounts: [1]\n  minimum: 5", "p.yaml:6: cpa.minimum: there is no such field"),
            (head + "name: b", "p.yaml:1: name: the field is there twice"),
            (head + "percentage:\n  bet: [5%]\n  bet: [4%]", "p.yaml:5: bet: the field is there twice"),
            (head + "percentage:\n  bet: 5%", "p.yaml:5: percentage.bet: write a list here, for each level a rate"),
            (
                head + "percentage:\n  deposit:\n    - 5%\n    - 500%",
                "p.yaml:7: percentage.deposit[1]: '500%': a rate is at most 100%"
            ),
            (head + "percentage:\n  deposit:\n    - 5%\n    -", "p.yaml:7: percentage.deposit[1]: '': there is no rate"),
            (head + "percentage:\n  bet: [5e-2]", "p.yaml:5: percentage.bet[0]: '5e-2': this is not a rate"),
            (head + "percentage:\n  bet: [.05]", "p.yaml:5: percentage.bet[0]: '.05': this is not a rate"),
            (head + "percentage:\n  bet: [0.05000]", "p.yaml:5: percentage.bet[0]: '0.05000': a rate has at most 4 decimals"),
            (
                head + "percentage:\n  bet:\n   - 99%\n   - 2%",
                "p.yaml:5: percentage.bet: the levels together give more than 100%"
            ),
            (head + "cpa:\n  amounts: [10.005]", "p.yaml:5: cpa.amounts[0]: '10.005': an amount has at most 2 decimals"),
            (head + "cpa:\n  amounts: [1_000]", "p.yaml:5: cpa.amounts[0]: '1_000': this is not an amount"),
            (head + "cpa:\n  amounts: [{a: b}]", "p.yaml:5: cpa.amounts[0]: write one value here: an amount as in 100.00"),
            (head + "cpa:\n  minimum_deposit: 5", "p.yaml:4: cpa.amounts: there are 0 levels; give 1 to 1000"),
            (head + "cpa:\n  amounts: [1]\n  window_days: 1.5", "p.yaml:6: cpa.window_days: '1.5' is not a whole number of days"),
            (head + "cpa:", "p.yaml:4: cpa: write fields here: amounts, minimum_deposit, window_days"),
            (head + "compression: yes", "p.yaml:4: compression: 'yes' is not true or false"),
            (head + "rounding: up", "p.yaml:4: rounding: 'up' is not half_away_from_zero or half_even"),
            (head + "currency: R$", "p.yaml:4: currency: 'R$' is not three capital letters, as in BRL"),
            (head + "caps:\n  per_month:\n    beneficiary: 0", "p.yaml:6: caps.per_month.beneficiary: a cap is 0.01 to"),
            (head + "caps:\n  per_month:\n    total: 1", "p.yaml:6: caps.per_month.total: there is no such field"),
            (head + "revshare:\n  period: weekly", "p.yaml:4: revshare.rates: give a rate for level 1 at least"),
            (head + "revshare:\n  rates: [5%]\n  period: daily", "p.yaml:6: revshare.period: 'daily' is not monthly or weekly"),
            ("name: A\nversion: 1\neffective_from: 2026-01-01", "p.yaml:1: name: a name is 1 to 64 of"),
            ("name: a\nversion: 0\neffective_from: 2026-01-01", "p.yaml:2: version: a version is 1 to"),
            ("name: a\nversion: 1\neffective_from: 2026-02-30", "p.yaml:3: effective_from: '2026-02-30' is not a date and time"),
            (head + "percentage: &p {bet: [5%]}\n", "p.yaml:4: percentage: anchors and aliases"),
            (head + "? [a]\n: b", "p.yaml:4: a field's name must be a word"),
            (head + "<<: {bet: [5%]}", "p.yaml:4: <<: there is no such field"),
            (head + "percentage: {bet: [5%", "p.yaml:5: not YAML: "),
            (head + "\tbet: 5%", "p.yaml:4: not YAML: "),
            (head + "a: b: c", "p.yaml:4: not YAML: "),
            (head + "cpa: *missing", "p.yaml:4: not YAML: found undefined alias"),
            (head + "---\n" + head, "p.yaml:4: not YAML: "),
            (head + "name: \u{0}", "p.yaml: not YAML: control characters are not allowed"),
        ])
    func faults(text: String, wanted: String) {
        let found = refusal(text)
        #expect(found?.hasPrefix(wanted) == true, "\(found ?? "nothing")")
    }

    @Test("texts nested or repeated beyond all reason are refused, not followed")
    func hostile() {
        #expect(refusal(String(repeating: "[", count: 100_000)) != nil)
        #expect(refusal(head + "cpa: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900)) != nil)
        #expect(refusal(head + "percentage: {bet: [" + String(repeating: "0%, ", count: 30_000) + "]}") != nil)
        let doubling = (1...60).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: "\n")
        #expect(refusal("a0: &a0 [x]\n" + doubling)?.contains("anchors") == true)
    }

    @Test("a file that is missing, a folder, too large or not UTF-8 is refused with its name")
    func unreadable() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "plan-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(repeating: UInt8(ascii: "#"), count: PlanFile.bytesMax + 1).write(to: folder.appending(path: "large"))
        try Data([0x6E, 0xFF]).write(to: folder.appending(path: "latin"))
        for (name, wanted) in [
            ("none", "no such file"), ("", "it is a folder"), ("large", "larger than"), ("latin", "not UTF-8"),
        ] {
            let path = folder.appending(path: name).path()
            do {
                _ = try PlanFile.read(path: path)
                Issue.record("\(name) was read")
            } catch {
                #expect(
                    error.code == .unreadable && error.description.hasPrefix(path) && error.description.contains(wanted),
                    "\(error)")
            }
        }
    }
}
