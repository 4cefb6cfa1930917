import Foundation
import Glibc
import RedisClient
import Synchronization

/// A Redis server of our own: on a free port of 127.0.0.1, with a password, without persistence unless asked, gone with the
/// test process.
package final class PrivateRedis: Sendable {
    package let port: Int
    package let password: String
    package var url: String { url(database: 0) }

    private let scratch: ScratchFolder
    private let isDurable: Bool
    private let process: Mutex<ServerProcess?>

    private static let ports = 20

    private var appendOnlyFile: String { "\(scratch.path)/appendonlydir/appendonly.aof.1.incr.aof" }

    /// - Parameter durable: keep an append-only file, so that data outlives `stop()` and `restart()`.
    package static func start(durable: Bool = false) async throws -> PrivateRedis {
        try await ScratchServer.blocking { try PrivateRedis(durable: durable) }
    }

    private static let sharedServer = SharedServer { try await PrivateRedis.start() }

    /// One server for the whole test process; do not stop it, and use keys of your own.
    package static func shared() async throws -> PrivateRedis { try await sharedServer.value() }

    private init(durable: Bool) throws {
        isDurable = durable
        password = ScratchServer.password()
        scratch = try ScratchFolder("redis")
        let folder = scratch.path
        var attempt = 0
        while true {
            let port = try ScratchServer.freePort()
            do {
                let server = try Self.launch(folder: folder, port: port, password: password, durable: durable)
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

    package func url(database: Int) -> String { "redis://:\(password)@127.0.0.1:\(port)/\(database)" }

    package func connect(database: Int = 0) throws -> RedisConnection {
        try RedisConnection(try RedisConfiguration(url: url(database: database)))
    }

    package var pid: pid_t? { process.withLock { $0?.pid } }

    /// Ends the server in an orderly way. `restart()` starts it again.
    package func stop() async throws { try await ScratchServer.blocking { [self] in try end(signal: SIGTERM) } }

    /// Kills the server as a crash would.
    package func kill() async throws { try await ScratchServer.blocking { [self] in try end(signal: SIGKILL) } }

    /// Stops the server if it runs, and starts it on the same port; without `durable` it comes back empty.
    package func restart() async throws {
        try await ScratchServer.blocking { [self] in
            try end(signal: SIGTERM)
            let server = try Self.launch(folder: scratch.path, port: port, password: password, durable: isDurable)
            process.withLock { $0 = server }
        }
    }

    /// Cuts bytes off the end of the append-only file of a durable server that does not run, as a power failure would. Gives how many were there.
    @discardableResult
    package func cutAppendOnlyFile(bytes: Int) throws -> Int {
        let path = appendOnlyFile
        var status = stat()
        guard stat(path, &status) == 0, truncate(path, max(0, status.st_size - off_t(bytes))) == 0 else {
            throw TestServerError("cannot cut \(path): error \(errno)")
        }
        return Int(status.st_size)
    }

    /// Writes the beginning of something at the end of the append-only file of a durable server that does not run, as a power failure in the middle
    /// of a write would leave it.
    package func tearAppendOnlyFile(appending text: String) throws {
        let path = appendOnlyFile
        guard let file = FileHandle(forWritingAtPath: path) else { throw TestServerError("cannot open \(path): error \(errno)") }
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
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
        guard didObey else { throw TestServerError("redis-server did not stop within 20 s") }
    }

    private static func launch(folder: String, port: Int, password: String, durable: Bool) throws -> ServerProcess {
        // In a file, because a command line can be read by everyone.
        try ChildProcess.write(
            """
            bind 127.0.0.1
            port \(port)
            dir \(folder)
            requirepass \(password)
            save ""
            appendonly \(durable ? "yes" : "no")
            appendfsync everysec
            maxmemory-policy noeviction
            daemonize no

            """, to: "\(folder)/redis.conf")
        let process = try ServerProcess(log: "\(folder)/server.log", command: ["redis-server", "\(folder)/redis.conf"])
        let configuration = try RedisConfiguration(url: "redis://:\(password)@127.0.0.1:\(port)/0")
        do {
            try ScratchServer.awaitReady(process, log: "\(folder)/server.log") { (try? RedisConnection(configuration)) != nil }
        } catch {
            process.end()
            throw error
        }
        return process
    }
}
