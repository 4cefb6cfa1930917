import Foundation
import Testing

@testable import fature

/// Real processes, in folders of their own. One at a time: each start uses both cores for a moment. Waiting is asynchronous, so that
/// the tests that share Swift's threads go on.
@Suite("fature up on this machine", .serialized)
struct UpTests {
    private func withSandbox(_ body: (Sandbox, Int) async throws -> Void) async throws {
        let sandbox = try Sandbox()
        do {
            try await body(sandbox, try ListeningPort.choose(preferred: nil))
        } catch {
            try await sandbox.close()
            throw error
        }
        try await sandbox.close()
    }

    private func status(_ port: Int, _ path: String) -> Int? {
        LoopbackClient.get(host: "127.0.0.1", port: port, path: path, timeoutMilliseconds: 3000)?.status
    }

    private func join(_ body: String, _ port: Int) throws {
        let request =
            "POST /api/v2/affiliates HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let answer = LoopbackClient.exchange(host: "127.0.0.1", port: port, request: request, timeoutMilliseconds: 5000)
        #expect(try #require(answer).hasPrefix("HTTP/1.1 201 "), "\(answer ?? "")")
    }

    @Test("a detached cluster answers, is seen by status, refuses a second one, and keeps its data over a restart")
    func wholeLife() async throws {
        try await withSandbox { sandbox, port in
            let directory = ["--data-dir", sandbox.dataDirectory]
            // Empty is "not set", and libpq's variables are for other servers.
            let distractions = [
                "DATABASE_URL": "", "REDIS_URL": "", "PGSSLMODE": "verify-full", "PGOPTIONS": "-c search_path=nowhere",
            ]
            let first = try await sandbox.run(sandbox.up(port: port, ["--detach"]), environment: distractions)
            #expect(first.status == 0, "\(first.all)")
            #expect(first.output.contains("ready: http://127.0.0.1:\(port)"))
            #expect(status(port, "/ready") == 200)

            let second = try await sandbox.run(sandbox.up(port: port + 1))
            #expect(second.status == ExitStatus.alreadyRunning.rawValue)
            #expect(second.errors.contains("a cluster already runs in"))
            #expect(second.errors.split(separator: "\n").count == 1)

            try privacy(sandbox)
            try await foreignDemo(sandbox)

            let report = try await sandbox.run(["status", "--json"] + directory, environment: distractions)
            #expect(report.status == 0, "\(report.all)")
            let json = try #require(try JSONSerialization.jsonObject(with: Data(report.output.utf8)) as? [String: Any])
            #expect(json["ready"] as? Bool == true)
            let names = (json["processes"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
            #expect(names == ["coordinator", "gateway", "postgresql", "redis", "worker-1"])
            #expect((json["database"] as? [String: Any])?["shards_without_owner"] as? Int == 0)

            // The token that `up` has noted goes to the coordinator that it was noted for, and to nobody else.
            let operators = try #require(try ClusterState.read(DataDirectory(sandbox.dataDirectory))?.administration)
            #expect(first.output.contains("operators: \(operators.url) "))
            let workers = try await sandbox.run(
                ["worker", "ls", "--admin-url", operators.url] + directory, environment: distractions)
            #expect(workers.status == 0 && workers.output.contains("worker-1"), "\(workers.all)")
            let elsewhere = try await sandbox.run(["worker", "ls", "--admin-url", "http://127.0.0.1:\(port)"] + directory)
            #expect(elsewhere.status == ExitStatus.configuration.rawValue, "\(elsewhere.all)")
            #expect(elsewhere.errors.contains("--admin-token-file"), "\(elsewhere.all)")

            try join(#"{"affiliate_id":1,"external_id":"e1","name":"A"}"#, port)
            try join(#"{"affiliate_id":2,"parent_affiliate_id":1,"external_id":"e2","name":"B"}"#, port)
            #expect(status(port, "/api/v2/affiliates/2") == 200)

            let down = try await sandbox.run(["down"] + directory)
            #expect(down.status == 0, "\(down.all)")
            #expect(sandbox.processesLeft().isEmpty)
            let again = try await sandbox.run(["down"] + directory)
            #expect(again.status == 0 && again.errors.contains("nothing runs in"))
            let gone = try await sandbox.run(["status"] + directory)
            #expect(gone.status == ExitStatus.notRunning.rawValue)

            let restart = try await sandbox.run(sandbox.up(port: port, ["--detach"]))
            #expect(restart.status == 0, "\(restart.all)")
            #expect(status(port, "/api/v2/affiliates/2") == 200)
            let noted = try #require(try ClusterState.read(DataDirectory(sandbox.dataDirectory))?.administration)
            let inFile = try String(contentsOfFile: "\(sandbox.dataDirectory)/admin-token", encoding: .utf8)
            #expect(noted.token != operators.token && inFile == noted.token + "\n", "each start makes a new token")
        }
    }

    /// A database that somebody named is not filled by `--demo` alone.
    private func foreignDemo(_ sandbox: Sandbox) async throws {
        let state = try #require(try ClusterState.read(DataDirectory(sandbox.dataDirectory)))
        let free = String(try ListeningPort.choose(preferred: nil))
        let outcome = try await sandbox.run(
            ["up", "--port", free, "--demo", "--data-dir", "\(sandbox.folder)/demo"],
            environment: ["DATABASE_URL": state.databaseURL])
        #expect(outcome.status == ExitStatus.usage.rawValue, "\(outcome.all)")
        #expect(outcome.errors.hasPrefix("fature: --demo would fill the database"))
    }

    /// Nothing in the data directory or in a command line gives a password away.
    private func privacy(_ sandbox: Sandbox) throws {
        let state = try #require(try ClusterState.read(DataDirectory(sandbox.dataDirectory)))
        let secrets = [
            try #require(state.postgres?.password), try #require(state.redis?.password),
            try #require(state.administration?.token),
        ]
        for line in sandbox.processesLeft() {
            for secret in secrets { #expect(!line.contains(secret)) }
        }
        let logs = try FileManager.default.contentsOfDirectory(atPath: "\(sandbox.dataDirectory)/logs")
        #expect(logs.contains("gateway.log") && logs.contains("postgresql.log"))
        for log in logs {
            let text = try String(contentsOfFile: "\(sandbox.dataDirectory)/logs/\(log)", encoding: .utf8)
            for secret in secrets { #expect(!text.contains(secret), "\(log)") }
        }
        for (name, mode) in [
            ("cluster.json", 0o600), ("admin-token", 0o600), ("redis/redis.conf", 0o600), ("postgres", 0o700), ("logs", 0o700),
        ] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(sandbox.dataDirectory)/\(name)")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == mode, "\(name)")
        }
    }

    @Test("Ctrl-C stops everything, and a role that was killed is started again")
    func interruptAndRestart() async throws {
        try await withSandbox { sandbox, port in
            let running = try sandbox.start(sandbox.up(port: port))
            try await Sandbox.wait("ready") { running.output.contains("ready: ") || !running.process.isRunning }
            let state = try #require(try ClusterState.read(DataDirectory(sandbox.dataDirectory)))
            let worker = try #require(state.processes.first { $0.name == "worker-1" })
            // Bookkeeping that fails is a warning.
            let obstacle = "\(sandbox.dataDirectory)/cluster.json.new"
            try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
            #expect(kill(worker.pid, SIGKILL) == 0)
            try await Sandbox.wait("the warning") { running.errors.contains("warning: cannot write \(obstacle)") }
            try FileManager.default.removeItem(atPath: obstacle)
            try await Sandbox.wait("the report of the death") {
                running.errors.contains("worker-1 ended by itself (killed by signal 9")
            }
            try await Sandbox.wait("the cluster without its worker") { status(port, "/ready") == 503 }
            try await Sandbox.wait("the restarted worker's shards") { status(port, "/ready") == 200 }

            running.interrupt()
            let outcome = try await running.outcome()
            #expect(outcome.status == 0, "\(outcome.all)")
            #expect(outcome.errors.hasSuffix("stopped\n"))
            #expect(sandbox.processesLeft().isEmpty)
            let log = try String(contentsOfFile: "\(sandbox.dataDirectory)/logs/postgresql.log", encoding: .utf8)
            #expect(log.contains("database system is shut down"))
        }
    }

    @Test("Ctrl-C before the cluster is ready stops what was started")
    func interruptEarly() async throws {
        try await withSandbox { sandbox, port in
            let running = try sandbox.start(sandbox.up(port: port))
            try await Sandbox.wait("the first step") { running.errors.contains("postgresql: creating") }
            running.interrupt()
            let outcome = try await running.outcome()
            #expect(outcome.status == ExitStatus.interrupted.rawValue, "\(outcome.all)")
            #expect(sandbox.processesLeft().isEmpty)
        }
    }

    @Test("when up is killed everything ends by itself, and the next start works")
    func killed() async throws {
        try await withSandbox { sandbox, port in
            let early = try sandbox.start(sandbox.up(port: port))
            try await Sandbox.wait("initdb") { sandbox.processesLeft().contains { $0.contains("--pgdata=") } }
            kill(early.process.processIdentifier, SIGKILL)
            _ = try await early.outcome()
            try await Sandbox.wait("the end of its step", secondsMax: 15) { sandbox.processesLeft().isEmpty }

            let running = try sandbox.start(sandbox.up(port: port))
            try await Sandbox.wait("ready") { running.output.contains("ready: ") || !running.process.isRunning }
            #expect(sandbox.processesLeft().count > 5)
            let names = try FileManager.default.contentsOfDirectory(atPath: sandbox.dataDirectory)
            #expect(!names.contains { $0.hasPrefix("postgres.new") })
            kill(running.process.processIdentifier, SIGKILL)
            _ = try await running.outcome()
            try await Sandbox.wait("the end of all processes", secondsMax: 15) { sandbox.processesLeft().isEmpty }

            // As a machine that lost its power leaves it: a pid file whose number another process has now.
            let pidFile = "\(sandbox.dataDirectory)/postgres/postmaster.pid"
            try "\(getpid())\n\(sandbox.dataDirectory)/postgres\n".write(toFile: pidFile, atomically: false, encoding: .utf8)
            let restart = try await sandbox.run(sandbox.up(port: port, ["--detach"]))
            #expect(restart.status == 0, "\(restart.all)")
            #expect(restart.errors.contains("removing the stale"))
        }
    }

    /// The command line prefix that makes root an ordinary user, if that user could reach the executable and if we are root.
    private static let asNobody: [String]? = {
        guard SystemUser.weAreRoot, let setpriv = Programs().find("setpriv"), let user = SystemUser(named: "nobody"),
            let executable = try? Programs.ourselves()
        else { return nil }
        let prefix = [setpriv, "--reuid=\(user.userID)", "--regid=\(user.groupID)", "--clear-groups", "--"]
        let reach = Process()
        reach.executableURL = URL(fileURLWithPath: setpriv)
        reach.arguments = Array(prefix.dropFirst()) + ["/usr/bin/test", "-x", executable]
        guard (try? reach.run()) != nil else { return nil }
        reach.waitUntilExit()
        return reach.terminationStatus == 0 ? prefix : nil
    }()

    @Test("an ordinary user can run it too", .enabled(if: asNobody != nil))
    func ordinaryUser() async throws {
        try await withSandbox { sandbox, port in
            let user = try #require(SystemUser(named: "nobody"))
            try DataDirectory(sandbox.dataDirectory).makeFolder(sandbox.dataDirectory, mode: 0o700, owner: user)
            let running = try sandbox.start(sandbox.up(port: port), prefix: try #require(Self.asNobody))
            try await Sandbox.wait("ready") { running.output.contains("ready: ") || !running.process.isRunning }
            #expect(status(port, "/ready") == 200)
            running.process.terminate()
            let outcome = try await running.outcome()
            #expect(outcome.status == 0, "\(outcome.all)")
            #expect(sandbox.processesLeft().isEmpty)
        }
    }

    @Test("a port in use is one clear line")
    func portInUse() async throws {
        try await withSandbox { sandbox, port in
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port).bigEndian)
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            try #require(bound == 0 && listen(listener, 1) == 0)
            for more in [[], ["--detach"]] {
                let outcome = try await sandbox.run(sandbox.up(port: port, more))
                #expect(outcome.status == ExitStatus.systemRefused.rawValue)
                #expect(outcome.errors.hasPrefix("fature: port \(port) of 127.0.0.1 is in use by another program; "))
                #expect(outcome.errors.split(separator: "\n").count == 1)
            }
        }
    }

    @Test("a server that is not installed is named with its package")
    func missingServers() async throws {
        try await withSandbox { sandbox, port in
            let environment = ["PATH": sandbox.folder, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"]
            let outcome = try await sandbox.run(sandbox.up(port: port), environment: environment)
            #expect(outcome.status == ExitStatus.programMissing.rawValue)
            #expect(
                outcome.errors.hasPrefix("fature: Redis is not installed (no redis-server on the PATH); run `apt-get install"))
        }
    }

    @Test("a database that does not answer ends the start and names it, without its password")
    func unreachableDatabase() async throws {
        try await withSandbox { sandbox, port in
            let dead = try ListeningPort.choose(preferred: nil)
            let url = "postgresql://someone:hunter2@127.0.0.1:\(dead)/programme"
            let outcome = try await sandbox.run(sandbox.up(port: port), environment: ["DATABASE_URL": url])
            #expect(outcome.status == ExitStatus.serverUnavailable.rawValue, "\(outcome.all)")
            #expect(outcome.errors.contains("check that it runs and that DATABASE_URL or --data-dir names it"))
            #expect(!outcome.all.contains("hunter2"))
        }
    }

    @Test("a Redis that does not answer ends the start before anything runs")
    func unreachableRedis() async throws {
        try await withSandbox { sandbox, port in
            let dead = try ListeningPort.choose(preferred: nil)
            let url = "redis://:hunter2@127.0.0.1:\(dead)/0"
            let outcome = try await sandbox.run(sandbox.up(port: port), environment: ["REDIS_URL": url])
            #expect(outcome.status == ExitStatus.serverUnavailable.rawValue, "\(outcome.all)")
            #expect(outcome.errors.hasPrefix("fature: Redis does not answer: "))
            #expect(outcome.errors.split(separator: "\n").count == 1)
            #expect(!outcome.all.contains("hunter2"))
        }
    }

    @Test("a folder that holds other things is refused and left as it is")
    func foreignFolder() async throws {
        try await withSandbox { sandbox, port in
            let folder = sandbox.dataDirectory
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            #expect(chmod(folder, 0o750) == 0)
            try "mine".write(toFile: "\(folder)/letter", atomically: false, encoding: .utf8)
            let outcome = try await sandbox.run(sandbox.up(port: port))
            #expect(outcome.status == ExitStatus.fileRefused.rawValue)
            #expect(outcome.errors.hasPrefix("fature: \(folder) holds other things"))
            let attributes = try FileManager.default.attributesOfItem(atPath: folder)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o750)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["letter"])
        }
    }

    @Test("a lock that is a link to another file is refused, and that file stays as it is", arguments: [true, false])
    func linkedLock(isSymbolic: Bool) async throws {
        try await withSandbox { sandbox, port in
            let victim = "\(sandbox.folder)/victim"
            try "precious".write(toFile: victim, atomically: false, encoding: .utf8)
            try FileManager.default.createDirectory(atPath: sandbox.dataDirectory, withIntermediateDirectories: false)
            let lock = "\(sandbox.dataDirectory)/lock"
            #expect((isSymbolic ? symlink(victim, lock) : link(victim, lock)) == 0)
            let outcome = try await sandbox.run(sandbox.up(port: port))
            #expect(outcome.status == ExitStatus.fileRefused.rawValue, "\(outcome.all)")
            #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
        }
    }

    @Test("a data directory that cannot be made is one clear line")
    func unusableFolder() async throws {
        try await withSandbox { sandbox, port in
            try "".write(toFile: "\(sandbox.folder)/file", atomically: false, encoding: .utf8)
            let outcome = try await sandbox.run(["up", "--port", String(port), "--data-dir", "\(sandbox.folder)/file/data"])
            #expect(outcome.status == ExitStatus.fileRefused.rawValue)
            #expect(outcome.errors.hasPrefix("fature: cannot create the folder \(sandbox.folder)/file/data"))
        }
    }

    @Test(
        "nonsense flags are refused with the usage status",
        arguments: [["--workers", "0"], ["--port", "70000"], ["--data-dir", ""]])
    func badFlags(flags: [String]) async throws {
        try await withSandbox { sandbox, _ in
            let outcome = try await sandbox.run(["up"] + flags)
            #expect(outcome.status == ExitStatus.usage.rawValue)
            #expect(outcome.errors.contains(flags[0]))
        }
    }
}
