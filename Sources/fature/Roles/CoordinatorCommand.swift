import ArgumentParser
import Coordinator

/// `fature coordinator`: gives shards to workers.
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Give every shard a worker, at the start and when a worker dies.",
        discussion: """
            Several may run: one leads, the others stand by. `fature up` starts one.

            Example: DATABASE_URL=postgresql://… fature coordinator --expected-workers 3 --replicas 1

            Exit status: 0 stopped as asked, 3 no cluster named or in --data-dir, 64 bad flag, 69 PostgreSQL does not answer, \
            70 failed, 76 schema of another version, 77 wrong password, 78 bad setting; the log's last line says why.
            """)

    @OptionGroup var role: RoleOptions

    @Option(name: Settings.coordinatorLeaseMilliseconds.flagName, help: Settings.coordinatorLeaseMilliseconds.argumentHelp)
    var leaseMilliseconds: String?
    @Option(name: Settings.coordinatorExpectedWorkers.flagName, help: Settings.coordinatorExpectedWorkers.argumentHelp)
    var expectedWorkers: String?
    @Option(
        name: Settings.coordinatorStartGraceMilliseconds.flagName, help: Settings.coordinatorStartGraceMilliseconds.argumentHelp)
    var startGraceMilliseconds: String?
    @Option(name: Settings.coordinatorReplicas.flagName, help: Settings.coordinatorReplicas.argumentHelp)
    var replicas: String?

    func run() async throws {
        let sources = try role.sources([
            (Settings.coordinatorLeaseMilliseconds, leaseMilliseconds), (Settings.coordinatorExpectedWorkers, expectedWorkers),
            (Settings.coordinatorStartGraceMilliseconds, startGraceMilliseconds), (Settings.coordinatorReplicas, replicas),
        ])
        let configuration = CoordinatorConfiguration(
            databaseURL: try role.databaseURL(sources),
            leaseMilliseconds: try sources.integer(Settings.coordinatorLeaseMilliseconds),
            expectedWorkers: try sources.integer(Settings.coordinatorExpectedWorkers),
            startGraceMilliseconds: try sources.integer(Settings.coordinatorStartGraceMilliseconds),
            replicas: try sources.integer(Settings.coordinatorReplicas))
        try await RoleRunner.run(
            role: "coordinator", logLevel: sources.text(Settings.logLevel),
            stopsOnStandardInputClose: role.stopsOnStandardInputClose
        ) { logger, _ in CoordinatorService(configuration: configuration, logger: logger) }
    }
}
