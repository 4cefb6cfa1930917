import ArgumentParser
import LoadFiles
import LoadPlan

/// `fature loadtest scenarios`.
struct LoadTestScenariosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenarios",
        abstract: "List the scenarios that come with this program, show one, or check a file.",
        discussion: """
            Example: fature loadtest scenarios
            Example: fature loadtest scenarios show mixed > mine.yaml
            Example: fature loadtest scenarios check mine.yaml

            Exit status: 0 fine, 3 no such scenario, or the file is none.
            """,
        subcommands: [ScenarioListCommand.self, ScenarioShowCommand.self, ScenarioCheckCommand.self],
        defaultSubcommand: ScenarioListCommand.self)
}

struct ScenarioListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List them.")

    func run() throws {
        var table = TextTable(["scenario", "what it does"])
        for name in ScenarioFile.names {
            do { table.add([name, try ScenarioFile.named(name).summary]) } catch { throw CommandError(.setUp, "\(error)") }
        }
        Console.answer(table.text)
    }
}

struct ScenarioShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Print one, to begin one's own with.")

    @Argument(help: ArgumentHelp("Its name.", valueName: "scenario"))
    var scenario: String

    func run() throws {
        guard let text = ScenarioFile.text(named: scenario) else {
            throw CommandError(
                .setUp, "there is no scenario '\(scenario)'; there are \(ScenarioFile.names.joined(separator: ", "))")
        }
        Console.answer(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    }
}

struct ScenarioCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read a file as `run` would, and say what it does.")

    @OptionGroup var scenario: ScenarioOptions

    func run() throws {
        let plan = try scenario.read()
        Console.answer("\(scenario.scenario): \(plan.summary.isEmpty ? plan.name : plan.summary)")
    }
}
