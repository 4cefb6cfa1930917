import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

extension ClusterTests {
    /// `/admin/v1` of real coordinators.
    @Suite(.serialized) struct AdministrationTests {
        @Test(
            "over HTTP everything is as the commands print it, and a rebalance goes its whole way; the audit says who asked, and by which request"
        )
        func wholeWay() async throws {
            let desk = try await AdministratedCluster.start(seed: 91)
            try await TestCluster.blocking {
                let connection = try desk.cluster.connect()
                try desk.cluster.startWorker("worker-3")
                try TestCluster.wait("worker-3 registers") {
                    try connection.execute("SELECT count(*) FROM fature_v2.worker_lease").int(0, 0) == 3
                }
                let planned = try desk.remote(["rebalance", "plan", "--json"])
                #expect(planned.status == 2, "\(planned)")
                let document = try #require(JSONSerialization.jsonObject(with: planned.output) as? [String: Any])
                let number = try #require(document["plan"] as? Int)
                try sameDocuments(desk, number)

                let applied = try desk.remote(["rebalance", "apply", "\(number)", "--wait", "--moves-at-once", "8", "--json"])
                #expect(applied.status == 0 && applied.remarks.contains("plan \(number) is applying"), "\(applied)")
                #expect(try !desk.cluster.shards(of: "worker-3", connection).isEmpty)
                let again = try desk.remote(["rebalance", "apply", "\(number)"])
                #expect(again.status == 0 && again.remarks.contains("is done already"), "\(again)")
                #expect(try desk.post("rebalance/plans/\(number)/apply").text.contains("is done already"))
                #expect(try desk.remote(["rebalance", "plan", "--threshold", "25%"]).status == 0)
                try steered(desk, number)
                try drained(desk, connection)
                try audited(desk, connection)
                #expect(try desk.cluster.differences() == [])
            }
        }

        /// Each document three times: by PostgreSQL, by `--admin-url`, and over HTTP by hand.
        private func sameDocuments(_ desk: AdministratedCluster, _ plan: Int) throws {
            for (command, path) in [
                (["worker", "ls"], "workers"), (["gateway", "ls"], "gateways"), (["shard", "ls"], "shards"),
                (["shard", "ls", "--worker", "worker-2"], "shards?worker=worker-2"), (["shard", "explain", "3"], "shards/3"),
                (["rebalance", "ls"], "rebalance/plans"), (["rebalance", "ls", "--limit", "1"], "rebalance/plans?limit=1"),
                (["rebalance", "show", "\(plan)"], "rebalance/plans/\(plan)"), (["rebalance", "status"], "rebalance/current"),
            ] {
                let direct = try desk.direct(command + ["--json"])
                let remote = try desk.remote(command + ["--json"])
                #expect(try steady(remote.output) == steady(direct.output), "\(command)")
                #expect(remote.status == direct.status && remote.remarks == direct.remarks, "\(command)")
                let answer = try desk.get(path)
                #expect(answer.status == 200 && answer.headers["content-type"] == "application/json", "\(path)")
                #expect(try steady(answer.body) == steady(direct.output), "\(path)")
            }
            let dry = try desk.direct(["rebalance", "plan", "--drain", "worker-2", "--max-moves", "3", "--dry-run", "--json"])
            let answer = try desk.post("rebalance/plans", #"{"drain":["worker-2"],"max_moves":3,"dry_run":true}"#)
            #expect(try answer.status == 200 && steady(answer.body) == steady(dry.output))
            let text = try desk.remote(["shard", "explain", "3"])
            let same = try desk.direct(["shard", "explain", "3"])
            #expect(text.status == 0 && text.text == same.text, "\(text)")
            #expect(try desk.get("health").text.contains("\"topology_version\""))
        }

        /// What is refused has the words and the status that it has by PostgreSQL.
        private func steered(_ desk: AdministratedCluster, _ done: Int) throws {
            for command in [
                ["rebalance", "pause"], ["rebalance", "pause", "\(done)"], ["rebalance", "abort", "99"],
                ["rebalance", "show", "99"],
                ["rebalance", "apply", "99"], ["worker", "cordon", "nobody"], ["shard", "ls", "--worker", "nobody"],
                ["rebalance", "plan", "--drain", "nobody"],
            ] {
                let direct = try desk.direct(command)
                let remote = try desk.remote(command)
                #expect(direct.status != 0 && remote.status == direct.status, "\(command): \(remote)")
                #expect(remote.remarks == direct.remarks, "\(command)")
            }
            for (path, body, status) in [
                ("rebalance/plans/99/apply", "{}", 404), ("rebalance/plans/\(done)/pause", "{}", 409),
                ("workers/nobody/cordon", "{}", 422), ("rebalance/plans", #"{"drain":["nobody"]}"#, 422),
            ] {
                let answer = try desk.post(path, body)
                #expect(answer.status == status && answer.headers["content-type"] == "application/problem+json", "\(path)")
                #expect(answer.text.contains("\"request_id\" : \"\(answer.headers["x-request-id"] ?? "-")\""), "\(answer.text)")
            }
        }

        private func drained(_ desk: AdministratedCluster, _ connection: PostgresConnection) throws {
            let stale = try desk.remote(["rebalance", "plan", "--drain", "worker-3", "--json"])
            let drained = try desk.remote(["worker", "drain", "worker-3", "--wait", "--json", "--reason", "a test"])
            #expect(drained.status == 0, "\(drained)")
            let document = try #require(JSONSerialization.jsonObject(with: drained.output) as? [String: Any])
            #expect((document["plan"] as? [String: Any])?["state"] as? String == "done")
            #expect(document["worker_id"] as? String == "worker-3" && document["standing"] as? String == "draining")
            #expect(try desk.cluster.shards(of: "worker-3", connection).isEmpty)

            // Made for a cluster that is another one by now: refused for good, with the plan in the problem.
            let number = try #require(
                (JSONSerialization.jsonObject(with: stale.output) as? [String: Any])?["plan"] as? Int)
            let refused = try desk.remote(["rebalance", "apply", "\(number)", "--json"])
            #expect(refused.status == 4 && refused.remarks.contains("nothing was done"), "\(refused)")
            #expect(refused.text.contains("\"state\" : \"refused\""))
            let opened = try desk.post("workers/worker-3/uncordon", #"{"reason":null}"#)
            #expect(opened.status == 200 && opened.text.contains("\"standing\" : \"open\""))
        }

        private func audited(_ desk: AdministratedCluster, _ connection: PostgresConnection) throws {
            let rows = try connection.execute(
                """
                SELECT actor, request_id FROM fature_v2.audit_log
                WHERE table_name IN ('rebalance_plan', 'worker_standing') AND actor LIKE 'http:%' ORDER BY audit_id
                """)
            let actors = try (0..<rows.rowCount).map { try rows.text($0, 0) }
            #expect(actors.count > 5 && actors.dropLast().allSatisfy { $0.hasPrefix("http:127.0.0.1 claims:cli:") }, "\(actors)")
            // By hand, without a claim.
            #expect(actors.last == "http:127.0.0.1")
            for row in 0..<rows.rowCount { #expect(try rows.text(row, 1).count == 16) }
        }

        @Test(
            "who has no token gets 401 and nothing else; what is no request of ours is refused with its status; silent strangers keep nobody out; the end is in order"
        )
        func strangers() async throws {
            let desk = try await AdministratedCluster.start(workers: 1, affiliates: 60, seed: 92)
            try await TestCluster.blocking {
                try refusedCallers(desk)
                try refusedRequests(desk)
                try garbage(desk)
                try pipelined(desk)
                try crowd(desk)
                let log = desk.cluster.log("coordinator-1")
                #expect(log.contains("without the operators' token") && !log.contains(AdministratedCluster.token))

                // Somebody is connected and silent, and that does not hold the end up; who has asked is answered.
                let silent = try PlainSocket(port: desk.port)
                let asked = try busy(desk)
                #expect(silent.hearOut() == "")
                #expect(asked.allSatisfy { $0.status() == 200 })
                try TestCluster.wait("the coordinator ends", seconds: 8) { !desk.cluster.isRunning("coordinator-1") }
                #expect(desk.cluster.log("coordinator-1").contains("\"stopped\""))
                let gone = try desk.remote(["worker", "ls"])
                #expect(gone.status == 69 && gone.remarks.contains("--admin-listen"), "\(gone)")
            }
        }

        private func refusedCallers(_ desk: AdministratedCluster) throws {
            for headers in [[], ["authorization: Bearer x"], ["authorization: Basic \(AdministratedCluster.token)"]] {
                let socket = try PlainSocket(port: desk.port)
                socket.say((["GET /admin/v1/health HTTP/1.1", "host: x"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
                let text = socket.hearOut() ?? ""
                #expect(text.hasPrefix("HTTP/1.1 401 ") && text.contains("www-authenticate: Bearer"), "\(text)")
            }
            let nowhere = try HTTPClient(port: desk.port).get("/admin/v1/nothing")
            #expect(nowhere.status == 401)
            #expect(try desk.ask("GET", "workers", [("origin", "https://evil.example")]).status == 403)
            let wrong = "\(desk.folder.path)/wrong"
            try AdministratedCluster.write(String(repeating: "f", count: 40), to: wrong)
            let run = try desk.remote(["worker", "ls"], token: wrong)
            #expect(run.status == 77 && run.remarks.contains("--admin-token-file"), "\(run)")
            let open = "\(desk.folder.path)/open"
            try AdministratedCluster.write(AdministratedCluster.token, to: open, mode: 0o644)
            #expect(try desk.remote(["worker", "ls"], token: open).status == 78)
        }

        private func refusedRequests(_ desk: AdministratedCluster) throws {
            #expect(try desk.get("nothing").status == 404)
            let wrong = try desk.ask("DELETE", "rebalance/plans")
            #expect(wrong.status == 405 && wrong.headers["allow"] == "GET, POST")
            #expect(try desk.get("workers?verbose=1").status == 400)
            #expect(try desk.post("rebalance/plans", #"{"force":true}"#).status == 400)
            #expect(try desk.ask("POST", "rebalance/plans", [("content-type", "text/plain")], "{}").status == 415)
            #expect(try desk.ask("GET", "health", [("fature-operator", "a b")]).status == 400)
            let long = String(repeating: "a", count: 9_000)
            #expect(try desk.ask("GET", "health", [("x", long)]).status == 431)
            #expect(try desk.get("shards?worker=" + long).status == 431)
            #expect(try desk.ask("GET", "health", (0..<65).map { ("x-\($0)", "1") }).status == 431)
            // Declared, and sent in parts without being declared.
            #expect(try desk.post("rebalance/plans", "{\"reason\":\"" + String(repeating: "a", count: 70_000)).status == 413)
            let socket = try PlainSocket(port: desk.port)
            socket.say(
                "POST /admin/v1/rebalance/plans HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(AdministratedCluster.token)\r\n"
                    + "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in 0..<20 { socket.say("1000\r\n" + String(repeating: "a", count: 4096) + "\r\n") }
            #expect(socket.status() == 413)
        }

        private func garbage(_ desk: AdministratedCluster) throws {
            var random = SystemRandomNumberGenerator()
            for start in [
                "", "GET ", "POST /admin/v1/workers HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}",
            ] {
                let socket = try PlainSocket(port: desk.port, seconds: 2)
                socket.say(
                    Array(start.utf8) + (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) } + Array("\r\n\r\n".utf8))
                // Some of it may be the beginning of a request still, which is waited for.
                if let text = socket.hearOut() { #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "\(text)") }
            }
            #expect(try desk.get("health").status == 200)
        }

        private func pipelined(_ desk: AdministratedCluster) throws {
            let socket = try PlainSocket(port: desk.port)
            let request =
                "GET /admin/v1/health HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(AdministratedCluster.token)\r\n\r\n"
            socket.say(request + request + request)
            let text = socket.hearOut() ?? ""
            #expect(text.components(separatedBy: "HTTP/1.1 ").count == 2 && text.hasPrefix("HTTP/1.1 200 "), "\(text)")
            // One after the other they are answered on one connection.
            let client = HTTPClient(port: desk.port)
            for _ in 0..<3 {
                let answer = try client.ask(
                    "GET", "/admin/v1/health", headers: [("authorization", "Bearer \(AdministratedCluster.token)")])
                #expect(answer.status == 200 && answer.headers["connection"] == nil)
            }
        }

        private func crowd(_ desk: AdministratedCluster) throws {
            var sockets: [PlainSocket] = []
            for number in 0..<100 {
                let socket = try PlainSocket(port: desk.port)
                socket.say(["", "GET", "GET /admin/v1/health HTTP/1.1\r\nhost:"][number % 3])
                sockets.append(socket)
            }
            #expect(try desk.get("health").status == 200)
            // The first of them have made room.
            #expect(sockets.prefix(30).allSatisfy { $0.hearOut() == "" })
        }

        /// Lets eight requests wait for a lock, has a ninth refused, and asks the coordinator to end while they wait.
        private func busy(_ desk: AdministratedCluster) throws -> [PlainSocket] {
            let holder = try desk.cluster.connect()
            let request =
                "GET /admin/v1/workers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(AdministratedCluster.token)\r\n\r\n"
            let sockets = try (0..<8).map { _ in try PlainSocket(port: desk.port) }
            try holder.transaction(.readCommitted) {
                _ = try holder.execute("LOCK TABLE fature_v2.worker_standing IN ACCESS EXCLUSIVE MODE")
                for socket in sockets { socket.say(request) }
                try TestCluster.wait("the ninth is refused") {
                    let ninth = try desk.get("gateways")
                    return ninth.status == 503 && ninth.headers["retry-after"] == "1" && ninth.text.contains("overloaded")
                }
                desk.cluster.end("coordinator-1")
                try TestCluster.wait("it listens no more") { (try? PlainSocket(port: desk.port)) == nil }
            }
            return sockets
        }

        @Test("a coordinator that is told to answer operators without what that takes does not start, and says what it wants")
        func refusals() async throws {
            let folder = try ScratchFolder("operators")
            try await TestCluster.blocking {
                let good = "\(folder.path)/good"
                let open = "\(folder.path)/open"
                try AdministratedCluster.write(AdministratedCluster.token, to: good)
                try AdministratedCluster.write(AdministratedCluster.token, to: open, mode: 0o640)
                for (arguments, words) in [
                    (["--admin-listen", "127.0.0.1:0"], "--admin-token-file"),
                    (["--admin-token-file", good], "--admin-listen"),
                    (["--admin-listen", "127.0.0.1", "--admin-token-file", good], "HOST:PORT"),
                    (["--admin-listen", "127.0.0.1:0", "--admin-token-file", open], "chmod 600"),
                    (["--admin-listen", "127.0.0.1:0", "--admin-token-file", "\(folder.path)/none"], "No such file"),
                ] {
                    let run = try CommandRun.fature(
                        ["coordinator"] + arguments, environment: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
                    #expect(run.status == 78 && run.remarks.contains(words), "\(arguments): \(run)")
                }
                for (arguments, status, words) in [
                    (["--admin-token-file", good], 64, "--admin-url"), (["--tls-ca", good], 64, "--admin-url"),
                    (["--admin-url", "http://127.0.0.1:1", "--database-url", "x"], 64, "give one of them"),
                    (["--admin-url", "127.0.0.1:1", "--admin-token-file", good], 78, "http://HOST:PORT"),
                    (["--admin-url", "http://10.0.0.1:1", "--admin-token-file", good], 78, "say https://"),
                    (["--admin-url", "http://127.0.0.1:1", "--admin-token-file", open], 78, "chmod 600"),
                    (["--admin-url", "http://127.0.0.1:1", "--admin-token-file", good], 69, "nobody answers"),
                ] as [([String], Int32, String)] {
                    for command in [["worker", "ls"], ["gateway", "ls"], ["shard", "ls"], ["rebalance", "ls"]] {
                        let run = try CommandRun.fature(command + arguments, environment: ["DATABASE_URL": ""])
                        #expect(run.status == status && run.remarks.contains(words), "\(command + arguments): \(run)")
                    }
                }
            }
        }

        @Test("beyond loopback operators are known by certificates: the right one is answered and named, strangers are not")
        func certificates() async throws {
            let folder = try ScratchFolder("operators")
            let database = try await TestDatabase.create()
            try await TestCluster.blocking {
                let own = "\(folder.path)/own"
                let foreign = "\(folder.path)/foreign"
                for authority in [own, foreign] {
                    try fature("cluster", "init-ca", "--name", "prod", "--out", authority, "--days", "2")
                    try issue(authority, "operator", "maria")
                }
                try issue(own, "coordinator", "c1", "--host", "127.0.0.1")
                try issue(own, "gateway", "g1", "--host", "127.0.0.1")
                // They believe our coordinator, so that it is for it to refuse them.
                let both = try [own, foreign].map { try String(contentsOfFile: "\($0)/ca.pem", encoding: .utf8) }.joined()
                try both.write(toFile: "\(foreign)/both.pem", atomically: true, encoding: .utf8)
                let token = "\(folder.path)/token"
                try AdministratedCluster.write(AdministratedCluster.token, to: token)
                try fature("db", "migrate", "--database-url", database.url)

                let none = try CommandRun.fature(
                    ["coordinator", "--admin-listen", "0.0.0.0:0", "--admin-token-file", token],
                    environment: ["DATABASE_URL": database.url])
                #expect(none.status == 78 && none.text.contains("--tls-cert, --tls-key and --tls-ca"), "\(none)")

                let log = "\(folder.path)/coordinator.log"
                let coordinator = try ServerProcess(
                    log: log,
                    command: [
                        "env", "DATABASE_URL=\(database.url)", try TestCluster.executable(), "coordinator", "--admin-listen",
                        "0.0.0.0:0", "--admin-token-file", token,
                    ] + flags(own, "c1"))
                defer { coordinator.end() }
                func said() -> String { ChildProcess.contents(log) ?? "" }
                var port = 0
                try TestCluster.wait("the coordinator answers operators") {
                    let line = said().split(separator: "\n").first { $0.contains("operators are answered") }
                    let object = try line.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
                    port = ((object ?? nil)?["port"] as? String).flatMap { Int($0) } ?? 0
                    return port > 0
                }
                func ask(_ more: [String], scheme: String = "https", _ command: [String] = ["worker", "ls"]) throws -> CommandRun
                {
                    try .fature(
                        command + ["--admin-url", "\(scheme)://127.0.0.1:\(port)", "--admin-token-file", token] + more,
                        environment: ["DATABASE_URL": ""])
                }
                let right = try ask(flags(own, "maria"))
                #expect(right.status == 0 && right.text.hasPrefix("worker"), "\(right)")
                let planned = try ask(flags(own, "maria"), ["rebalance", "plan"])
                #expect(planned.status == 4 && planned.remarks.contains("no living owner"), "\(planned)")
                #expect(said().contains("certificate:maria claims:cli:"))

                let stranger = try ask(flags(foreign, "maria", authority: "both.pem"))
                #expect(stranger.status == 77 && stranger.remarks.contains("refuses our certificate"), "\(stranger)")
                #expect(try ask([]).status == 78)
                #expect(try ask([], scheme: "http").status == 69)
                try handshake(port, foreign, "maria")
                try handshake(port, own, "g1")
                for cause in ["foreign-authority", "wrong-role", "not-tls"] {
                    try TestCluster.wait("the coordinator logs \(cause)") { said().contains("\"cause\":\"\(cause)\"") }
                }
                // Who knows another authority alone does not tell this coordinator the token.
                let careful = try ask(flags(foreign, "maria"))
                #expect(careful.status == 77 && careful.remarks.contains("another authority"), "\(careful)")
                #expect(try ask(flags(own, "maria")).status == 0)
            }
        }

        private func flags(_ folder: String, _ name: String, authority: String = "ca.pem") -> [String] {
            [
                "--tls-cert", "\(folder)/\(name).pem", "--tls-key", "\(folder)/\(name)-key.pem", "--tls-ca",
                "\(folder)/\(authority)",
            ]
        }

        private func issue(_ folder: String, _ role: String, _ name: String, _ more: String...) throws {
            let run = try CommandRun.fature(
                ["cluster", "issue", "--ca", folder, "--role", role, "--name", name, "--days", "1", "--out", folder] + more,
                environment: [:])
            guard run.status == 0 else { throw TestServerError("issue \(role) \(name): \(run)") }
        }

        private func fature(_ arguments: String...) throws {
            let run = try CommandRun.fature(arguments, environment: [:])
            guard run.status == 0 else { throw TestServerError("\(arguments): \(run)") }
        }

        /// A client that shows any certificate and believes any coordinator.
        private func handshake(_ port: Int, _ folder: String, _ name: String) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-cert", "\(folder)/\(name).pem", "-key",
                "\(folder)/\(name)-key.pem", "-quiet",
            ]
            process.standardInput = Pipe()
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
        }
    }
}
