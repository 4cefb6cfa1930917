import ArgumentParser
import Foundation
import PostgresClient

/// How every command finds the cluster. The first of these that is given counts:
///
/// 1. `--database-url URL`
/// 2. `--data-dir FOLDER`: what `fature up` noted in FOLDER/cluster.json
/// 3. FATURE_DATABASE_URL or DATABASE_URL
/// 4. `.fature/cluster.json` in the current folder
struct ClusterLocation: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The cluster's PostgreSQL. A password in it shows in the process list: prefer DATABASE_URL or --data-dir.",
            valueName: "url"))
    var databaseUrl: String?

    @Option(
        help: ArgumentHelp(
            "The folder of a cluster started with `fature up` (default: \(DataDirectory.defaultPath), unless DATABASE_URL is set).",
            valueName: "folder"))
    var dataDir: String?

    /// The connection string. It may hold a password: never print it.
    func databaseURL(environment: [String: String] = ProcessInfo.processInfo.environment) throws(CommandError) -> String {
        if let databaseUrl { return databaseUrl }
        if dataDir == nil, let url = Self.databaseURL(in: environment) { return url }
        let state = try state()
        if state.databaseIsPrivate { PostgresEnvironment.clearOurs() }
        return state.databaseURL
    }

    /// What the environment names, if anything.
    static func databaseURL(in environment: [String: String]) -> String? {
        environment.given(Settings.databaseURL.variable) ?? environment.given("DATABASE_URL")
    }

    /// A connection to the cluster's PostgreSQL.
    ///
    /// - Parameter purpose: what PostgreSQL shows as the connection's application name.
    func connect(_ purpose: String, statementTimeoutMilliseconds: Int = 0) throws(CommandError) -> PostgresConnection {
        try Self.connect(to: databaseURL(), purpose, statementTimeoutMilliseconds: statementTimeoutMilliseconds)
    }

    /// A connection to any PostgreSQL; errors are explained.
    static func connect(
        to url: String, _ purpose: String, statementTimeoutMilliseconds: Int = 0
    ) throws(CommandError) -> PostgresConnection {
        do {
            return try PostgresConnection(
                PostgresConfiguration(
                    url: url, applicationName: "fature \(purpose)",
                    statementTimeoutMilliseconds: statementTimeoutMilliseconds))
        } catch {
            throw CommandError.explaining(error)
        }
    }

    var directory: DataDirectory { DataDirectory(dataDir ?? DataDirectory.defaultPath) }

    /// What `fature up` noted in the folder, nil if it never ran there.
    func stateIfAny() throws(CommandError) -> ClusterState? { try ClusterState.read(directory) }

    private func state() throws(CommandError) -> ClusterState {
        guard let state = try stateIfAny() else {
            throw CommandError(
                .notRunning,
                "no cluster in \(directory.path) (there is no cluster.json); start one with `fature up`, "
                    + "or name one with --data-dir or DATABASE_URL")
        }
        return state
    }
}
