import ArgumentParser

/// `fature loadtest`.
struct LoadTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest",
        abstract: "Send a planned load to a cluster, tell how it answered, and check what it wrote.",
        discussion: """
            Every request has a planned time, and latency counts from there: a slow server can not hide by being asked less. After the load the
            ledger is compared with what was sent.

            Example: fature loadtest run queries-50k --html report.html
            Example: fature loadtest compare before.json after.json

            Exit status of a run: 0 objectives held, 1 one was missed, 2 the generator could not keep up, 3 the run could not be set up, \
            64 bad flag.
            """,
        subcommands: [
            LoadTestRunCommand.self, LoadTestSearchCommand.self, LoadTestCalibrateCommand.self, LoadTestScenariosCommand.self,
            LoadTestReportCommand.self, LoadTestCompareCommand.self, LoadTestAgentCommand.self,
        ])
}
