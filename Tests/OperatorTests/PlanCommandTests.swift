import Foundation
import Testing

@Suite("fature plan", .serialized)
struct PlanCommandTests {
    private static let summer = """
        name: summer
        percentage:
          deposit: [6%, 4%]
        """

    @Test("a plan file is checked, rehearsed, applied and shown, and leaves who did it")
    func life() async throws {
        let desk = try await OperatorDesk.open()
        let file = try desk.file("summer.yaml", Self.summer)
        let valid = try await desk.fature(["plan", "validate", file], environment: [:])
        #expect(valid.status == 0 && valid.output.contains("deposit 6% 4%"), "\(valid.all)")

        let rehearsal = try await desk.fature(["plan", "apply", file, "--dry-run", "--json"])
        #expect(rehearsal.status == 0, "\(rehearsal.all)")
        #expect(try rehearsal.json["version"] as? Int == 2 && rehearsal.json["dry_run"] as? Bool == true)
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.commission_plan") == ["1"])

        let applied = try await desk.fature(["plan", "apply", file])
        #expect(applied.status == 0 && applied.output.hasPrefix("version 2, summer, holds from "), "\(applied.all)")
        #expect(try desk.texts("SELECT plan_revision FROM fature_v2.programme") == ["1"])
        let actors = try desk.texts("SELECT DISTINCT actor FROM fature_v2.audit_log")
        #expect(actors.count == 1 && actors[0].hasPrefix("cli:"))

        let list = try await desk.fature("plan list --json").list
        #expect(list.map { $0["name"] as? String } == ["default", "summer"])
        #expect(list[0]["holds_until"] as? String == list[1]["holds_from"] as? String)
        let definition = try #require(list[1]["definition"] as? [String: Any])
        #expect((definition["percentage"] as? [String: [String]])?["deposit"] == ["0.0600", "0.0400"])
        let table = try await desk.fature("plan list")
        #expect(table.output.contains("deposit 5% 3% 2% 1% 0.5%, bet 5% 3% 2% 1% 0.5%"))

        let now = try await desk.fature("plan show")
        #expect(now.output.contains("name: \"default\""), "the new one holds from ten seconds from now\n\(now.all)")
        let next = try await desk.fature("plan show 2")
        #expect(next.output.contains("deposit: [6%, 4%]"))
        let shown = try desk.file("shown.yaml", next.output)
        #expect(try await desk.fature(["plan", "validate", shown]).status == 0, "what is shown is a plan file")
        #expect(try await desk.fature("plan show 9").status == 1)
        #expect(try await desk.fature("plan show --at 1969-01-01").status == 1)
    }

    @Test("a file that is no plan is refused with its line and field, and one that comes too late with the reason")
    func refusals() async throws {
        let desk = try await OperatorDesk.open()
        let wrong = try desk.file("wrong.yaml", Self.summer + "\n  bet: [5.001%]\n")
        for command in [["plan", "validate", wrong], ["plan", "apply", wrong]] {
            let outcome = try await desk.fature(command, environment: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
            #expect(outcome.status == 66 && outcome.errors.contains("wrong.yaml:4: percentage.bet[0]: "), "\(outcome.all)")
            #expect(outcome.errors.split(separator: "\n").count == 1)
        }
        let answer = try await desk.fature(["plan", "validate", wrong, "--json"])
        #expect(answer.status == 66)
        #expect(try answer.json["ok"] as? Bool == false && answer.json["line"] as? Int == 4)
        #expect(try await desk.fature("plan validate nowhere.yaml").status == 66)
        for (line, reason) in [
            ("effective_from: 2020-01-01T00:00:00Z", "may have been paid already"), ("currency: USD", "the programme in BRL"),
            ("version: 7", "the next one is 2"),
        ] {
            let file = try desk.file("late.yaml", "\(Self.summer)\n\(line)\n")
            let outcome = try await desk.fature(["plan", "apply", file])
            #expect(outcome.status == 66 && outcome.errors.contains(reason), "\(outcome.all)")
        }
        #expect(try desk.texts("SELECT count(*) FROM fature_v2.commission_plan") == ["1"])
    }
}
