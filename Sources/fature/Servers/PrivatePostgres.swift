import Foundation

/// The PostgreSQL server that `fature up` keeps for itself in the data directory.
///
/// It listens on 127.0.0.1 alone, over TCP alone, and lets in only who knows the generated password.
struct PrivatePostgres {
    static let databaseName = "fature"
    static let userName = "fature"
    /// Recovery after a crash under load can take a while; it is reported as it goes.
    static let readyMillisecondsMax = 120_000
    static let initialiseMillisecondsMax = 120_000
    static let leftoverStopMillisecondsMax = 30_000

    let directory: DataDirectory
    let account: ServerAccount
    private let serverProgram: String
    private let initialiseProgram: String

    private var folder: String { directory.postgres }
    private var scratchPrefix: String { "\(folder).new" }
    private var pidFile: String { "\(folder)/postmaster.pid" }
    var isInitialised: Bool { access("\(folder)/PG_VERSION", F_OK) == 0 }

    init(_ directory: DataDirectory, programs: Programs) throws(CommandError) {
        self.directory = directory
        guard let server = programs.findPostgres("postgres"), let initialise = programs.findPostgres("initdb") else {
            throw CommandError(
                .programMissing,
                "PostgreSQL is not installed (no postgres and initdb in /usr/lib/postgresql/*/bin or on the PATH); "
                    + "run `apt-get install postgresql postgresql-contrib`, or set DATABASE_URL to a server of your own")
        }
        serverProgram = server
        initialiseProgram = initialise
        account = try ServerAccount(names: ["postgres"], server: "PostgreSQL", package: "postgresql", programs: programs)
    }

    static func url(_ state: ClusterState.PrivateServer) -> String {
        "postgresql://\(userName):\(state.password)@127.0.0.1:\(state.port)/\(databaseName)"
    }

    /// Makes the server's files. They appear under their final name only when complete, so an interrupted start leaves
    /// nothing that looks usable.
    func initialise(password: String, running steps: StepRunner) throws(CommandError) {
        removeScratch()
        // A name of its own: what a killed start's last children still write lands elsewhere.
        let scratch = "\(scratchPrefix)-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try directory.makeFolder(scratch, mode: 0o700, owner: account.user)
        try checkReach(scratch, running: steps)
        let passwordFile = "\(directory.path)/postgres.password"
        try PrivateFile.write(password + "\n", to: passwordFile, owner: account.user)
        defer { unlink(passwordFile) }
        try steps.run(
            account.command(
                [
                    initialiseProgram, "--pgdata=\(scratch)", "--username=\(Self.userName)", "--pwfile=\(passwordFile)",
                    "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
                    "--data-checksums",
                ], deathSignal: "KILL"), name: "initdb", millisecondsMax: Self.initialiseMillisecondsMax)
        // Single-user mode makes the database before the server ever listens, and so before it could be there by half.
        try steps.run(
            account.command(
                [
                    "/bin/sh", "-c", "echo 'CREATE DATABASE \(Self.databaseName)' | exec \"$0\" --single -D \"$1\" postgres",
                    serverProgram, scratch,
                ], deathSignal: "KILL"), name: "initdb", millisecondsMax: Self.initialiseMillisecondsMax)
        guard rename(scratch, folder) == 0 else { throw .file("rename to", folder, errno: errno) }
    }

    /// The server's command line. No secret is in it.
    func command(port: Int) -> [String] {
        let settings = [
            "listen_addresses": "127.0.0.1", "port": String(port), "unix_socket_directories": "",
            // A worker has up to 20.
            "max_connections": "400", "password_encryption": "scram-sha-256",
            "shared_buffers": "\(ServerMemory.megabytes)MB", "work_mem": "16MB", "maintenance_work_mem": "256MB",
            "max_wal_size": "8GB", "checkpoint_timeout": "15min", "synchronous_commit": "on",
            // The ledger touches pages all over its indexes: after each checkpoint every one of them goes whole into the log.
            "wal_compression": "lz4",
            // A handful of short statements: compiling them costs more than it gains.
            "jit": "off", "random_page_cost": "1.1",
            "log_timezone": "UTC", "log_line_prefix": "%m [%p] %q%a ", "log_min_duration_statement": "1s",
            // Parameters may be personal data, so a slow statement is logged without them.
            "log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0",
        ]
        let flags = settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        return account.command([serverProgram, "-D", folder] + flags, deathSignal: "INT")
    }

    /// Whether the server of process `pid` takes connections: it says so in the last line of its pid file.
    func isReady(pid: Int32) -> Bool {
        let lines = pidFileLines()
        return lines.first == String(pid) && lines.count >= 8 && lines[7].hasPrefix("ready")
    }

    /// Stops a server that an earlier `fature up` left behind, and clears a pid file whose process is gone or is another's.
    func clearLeftover(events: ProcessEvents) throws(CommandError) {
        guard let pid = pidFileLines().first.flatMap({ Int32($0) }) else { return }
        guard Leftover.server(pidFile: pidFile, folder: folder) == pid else {
            Console.progress("postgresql: removing the stale \(pidFile) (process \(pid) is not this server)")
            guard unlink(pidFile) == 0 || errno == ENOENT else { throw .file("remove", pidFile, errno: errno) }
            return
        }
        Console.progress("postgresql: stopping the server that was left running (pid \(pid))")
        kill(pid, SIGINT)
        try Leftover.waitForEnd(of: pid, name: "postgresql", millisecondsMax: Self.leftoverStopMillisecondsMax, events: events)
    }

    private func pidFileLines() -> [String] {
        guard let data = FileManager.default.contents(atPath: pidFile) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// A folder below one that is closed to `postgres` (such as root's home) is the usual trap of a start as root.
    private func checkReach(_ folder: String, running steps: StepRunner) throws(CommandError) {
        guard let user = account.user else { return }
        guard try steps.succeeds(account.command(["/usr/bin/test", "-w", folder]), name: "initdb") else {
            throw CommandError(
                .accessDenied,
                "the user \(user.name), who runs PostgreSQL because you are root, cannot reach \(directory.path); "
                    + "choose a folder it can pass through with --data-dir (for example /var/lib/fature), or start as another user"
            )
        }
    }

    /// Removes what interrupted starts left. Nothing depends on it: what cannot be removed is tried again at the next start.
    private func removeScratch() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        for name in names where "\(directory.path)/\(name)".hasPrefix(scratchPrefix) {
            do { try FileManager.default.removeItem(atPath: "\(directory.path)/\(name)") } catch {
                Console.progress("postgresql: cannot remove \(name), left by an interrupted start: \(error.localizedDescription)")
            }
        }
    }
}
