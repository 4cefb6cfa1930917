import Glibc
import PostgresClient
import Synchronization

/// A PostgreSQL server of our own: on a free port of 127.0.0.1, in a scratch folder, gone with the test process.
///
/// Run as the user `postgres` when the tests run as root, which PostgreSQL refuses for itself.
package final class PrivatePostgres: Sendable {
    /// Connection string of the database `postgres` as superuser `postgres`.
    package var url: String { url(database: "postgres") }
    package let password: String
    package let port: Int

    private let scratch: ScratchFolder
    private let dataFolder: String
    private let isDurable: Bool
    private let volume: SmallVolume?
    private let process: Mutex<ServerProcess?>

    private static let ports = 20

    /// - Parameters:
    ///   - durable: what is committed outlives the server's being killed, for tests that do it.
    ///   - volume: where tables are kept; the write-ahead log is not, so that the server lives on when the volume is full.
    package static func start(durable: Bool = false, on volume: SmallVolume? = nil) async throws -> PrivatePostgres {
        try await ScratchServer.blocking { try PrivatePostgres(durable: durable, volume: volume) }
    }

    private static let sharedServer = SharedServer { try await PrivatePostgres.start() }

    /// One server for the whole test process; do not stop it. Take a database of your own from it: `TestDatabase.create()`.
    package static func shared() async throws -> PrivatePostgres { try await sharedServer.value() }

    private init(durable: Bool, volume: SmallVolume? = nil) throws {
        isDurable = durable
        self.volume = volume
        password = ScratchServer.password()
        scratch = try ScratchFolder("postgres")
        let folder = scratch.path
        let passwordFile = "\(folder)/password"
        try ChildProcess.write(password, to: passwordFile)
        if getuid() == 0 {
            guard let user = getpwnam("postgres") else {
                throw TestServerError("there is no user postgres to run the server")
            }
            guard chown(folder, user.pointee.pw_uid, user.pointee.pw_gid) == 0,
                chown(passwordFile, user.pointee.pw_uid, user.pointee.pw_gid) == 0
            else { throw TestServerError("cannot give \(folder) to the user postgres") }
        }
        let data = volume.map { "\($0.path)/data" } ?? "\(folder)/data"
        try ChildProcess.run(
            Self.asOwner(
                [
                    try Self.program("initdb"), "--pgdata", data, "--waldir", "\(folder)/wal", "--username", "postgres",
                    "--pwfile",
                    passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync",
                ], volume), log: "\(folder)/initdb.log")
        var attempt = 0
        while true {
            let port = try ScratchServer.freePort()
            do {
                let server = try Self.launch(
                    folder: folder, data: data, port: port, password: password, durable: durable, volume: volume)
                dataFolder = data
                self.port = port
                process = Mutex(server)
                return
            } catch {
                attempt += 1
                let log = ChildProcess.contents("\(folder)/server.log") ?? ""
                guard attempt < Self.ports, log.contains("Address already in use") else { throw error }
                unlink("\(folder)/server.log")
            }
        }
    }

    // Before the folder goes.
    deinit { process.withLock { $0?.end() } }

    package func url(database: String) -> String { "postgresql://postgres:\(password)@127.0.0.1:\(port)/\(database)" }

    /// What the server wrote to its log.
    package var log: String { ChildProcess.contents("\(scratch.path)/server.log") ?? "" }

    /// The postmaster.
    package var pid: pid_t? { process.withLock { $0?.pid } }

    /// Ends the server in an orderly way, without waiting for its clients (a fast shutdown). `start` again with `restart()`.
    package func stop() async throws { try await ScratchServer.blocking { [self] in try end(signal: SIGINT) } }

    /// Kills the server as a crash would.
    package func kill() async throws { try await ScratchServer.blocking { [self] in try end(signal: SIGKILL) } }

    /// Stops the server if it runs, and starts it on the same port and data.
    package func restart() async throws {
        try await ScratchServer.blocking { [self] in
            try end(signal: SIGINT)
            let end = ContinuousClock.now + .seconds(20)
            while true {
                do {
                    let server = try Self.launch(
                        folder: scratch.path, data: dataFolder, port: port, password: password, durable: isDurable, volume: volume
                    )
                    process.withLock { $0 = server }
                    return
                } catch {
                    // After a kill the backends need a moment to notice and let go of the shared memory.
                    guard ContinuousClock.now < end, log.contains("pre-existing shared memory block") else { throw error }
                    unlink("\(scratch.path)/server.log")
                    usleep(20_000)
                }
            }
        }
    }

    private func end(signal: Int32) throws {
        let server = process.withLock { server in
            defer { server = nil }
            return server
        }
        guard let server else { return }
        Glibc.kill(server.pid, signal)
        let end = ContinuousClock.now + .seconds(20)
        while server.isRunning, ContinuousClock.now < end { usleep(5_000) }
        let didObey = !server.isRunning
        server.end()
        guard didObey else { throw TestServerError("the server did not stop within 20 s:\n\(log)") }
    }

    private static func launch(
        folder: String, data: String, port: Int, password: String, durable: Bool, volume: SmallVolume?
    ) throws -> ServerProcess {
        var settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=", "max_connections=200",
            "shared_buffers=128MB", "max_wal_size=2GB", "log_min_messages=warning", "timezone=UTC", "jit=off",
        ]
        // A server that is killed has written what it said; only a host that dies needs more, and no test has one die. With fsync every start after a
        // kill would flush the whole data folder, for seconds.
        settings += durable ? ["fsync=off"] : ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        let process = try ServerProcess(
            log: "\(folder)/server.log",
            command: asOwner([try program("postgres"), "-D", data] + settings.flatMap { ["-c", $0] }, volume))
        let configuration = try PostgresConfiguration(
            url: "postgresql://postgres:\(password)@127.0.0.1:\(port)/postgres", applicationName: "fature tests",
            connectTimeoutMilliseconds: 2000)
        do {
            try ScratchServer.awaitReady(process, log: "\(folder)/server.log") {
                (try? PostgresConnection(configuration)) != nil
            }
        } catch {
            process.end()
            throw error
        }
        return process
    }

    private static func asOwner(_ command: [String], _ volume: SmallVolume?) -> [String] {
        let owned = getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + command : command
        return volume?.inside(owned) ?? owned
    }

    /// The newest installed server's programs, where Debian keeps them, or those on the path.
    private static func program(_ name: String) throws -> String {
        let versions = (13...20).reversed().map { "/usr/lib/postgresql/\($0)/bin/\(name)" }
        return versions.first { access($0, X_OK) == 0 } ?? name
    }
}
