import Foundation

/// The Redis server that `fature up` keeps for itself in the data directory: loopback only, with a generated password.
struct PrivateRedis {
    static let readyMillisecondsMax = 60_000
    static let leftoverStopMillisecondsMax = 30_000

    let directory: DataDirectory
    let account: ServerAccount
    private let program: String

    private var configurationFile: String { "\(directory.redis)/redis.conf" }
    private var pidFile: String { "\(directory.redis)/redis.pid" }

    init(_ directory: DataDirectory, programs: Programs) throws(CommandError) {
        self.directory = directory
        guard let found = programs.find("redis-server") else {
            throw CommandError(
                .programMissing,
                "Redis is not installed (no redis-server on the PATH); run `apt-get install redis-server`, "
                    + "or set REDIS_URL to a server of your own")
        }
        program = found
        account = try ServerAccount(names: ["redis", "postgres"], server: "Redis", package: "redis-server", programs: programs)
    }

    func url(_ state: ClusterState.PrivateServer) -> String { "redis://:\(state.password)@127.0.0.1:\(state.port)/0" }

    /// Writes the configuration. The password stands in it, so it is in no command line.
    func configure(_ state: ClusterState.PrivateServer) throws(CommandError) {
        try directory.makeFolder(directory.redis, mode: 0o700, owner: account.user)
        let lines = [
            "bind 127.0.0.1", "port \(state.port)", "protected-mode yes", "requirepass \(state.password)",
            "daemonize no", "pidfile \(quoted(pidFile))", "dir \(quoted(directory.redis))",
            "appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction", "databases 16",
            // Full, Redis says no, and jobs wait in PostgreSQL; without a limit the system would end it some day.
            "maxmemory \(ServerMemory.megabytes)mb",
            // Snapshots beside the append-only file would only repeat it.
            "save \"\"", "set-proc-title no", "loglevel notice",
        ]
        try PrivateFile.write(lines.joined(separator: "\n") + "\n", to: configurationFile, owner: account.user)
    }

    func command() -> [String] { account.command([program, configurationFile], deathSignal: "TERM") }

    /// Whether the server answers to our password, having loaded its data.
    func isReady(_ state: ClusterState.PrivateServer) -> Bool {
        let answer = LoopbackClient.exchange(
            host: "127.0.0.1", port: state.port, request: "AUTH \(state.password)\r\nPING\r\n", timeoutMilliseconds: 1000,
            isComplete: { $0.contains("+PONG\r\n") || $0.contains("-") })
        return answer?.hasSuffix("+PONG\r\n") ?? false
    }

    func clearLeftover(events: ProcessEvents) throws(CommandError) {
        guard let pid = Leftover.server(pidFile: pidFile, folder: directory.redis) else { return }
        Console.progress("redis: stopping the server that was left running (pid \(pid))")
        kill(pid, SIGTERM)
        try Leftover.waitForEnd(of: pid, name: "redis", millisecondsMax: Self.leftoverStopMillisecondsMax, events: events)
    }

    private func quoted(_ path: String) -> String {
        "\"" + path.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
    }
}
