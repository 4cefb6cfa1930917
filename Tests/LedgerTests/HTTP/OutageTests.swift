import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct OutageTests {
        @Test("with PostgreSQL away the ledger is answered with 503 and when to come back, and with it back as before")
        func away() async throws {
            let seed = Chaos.seed("PostgreSQL away")
            let server = try await PrivatePostgres.start(durable: true)
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, on: server, affiliates: 50, flows: false)
            let id = try await TestCluster.blocking { try Self.accept(trial) }
            let questions: [(method: String, path: String, body: String)] = [
                ("GET", "/api/v2/transactions/\(id)", ""), ("GET", "/api/v2/transactions/\(id)/commissions?explain=true", ""),
                ("GET", "/api/v2/affiliates/\(TestNetwork.chainTop)/commissions", ""),
                ("GET", "/api/v2/affiliates/\(TestNetwork.chainTop)/totals", ""), ("GET", "/api/v2/rankings?metric=volume", ""),
                ("POST", "/api/v2/transactions/\(id)/reverse", #"{"reason":"away"}"#),
                ("POST", "/api/v2/commissions/\(id)-1/status", #"{"reason":"away","status":"approved"}"#),
                ("POST", "/api/v2/commissions/status", #"{"reason":"away","status":"approved","commissions":["\#(id)-1"]}"#),
            ]
            @Sendable func ask(_ question: (method: String, path: String, body: String)) throws -> HTTPAnswer {
                try trial.cluster.client("gateway-1").ask(question.method, question.path, body: Data(question.body.utf8))
            }
            try await TestCluster.blocking { () throws in
                // Connections that are open when it goes, and a ranking that must not be given for ever.
                for question in questions.prefix(5) { #expect(try ask(question).status == 200) }
            }
            try await server.kill()
            try await TestCluster.blocking {
                try TestCluster.wait("the ranking that was kept is too old to be given") {
                    try ask(questions[4]).status == 503
                }
                for question in questions {
                    let answer = try ask(question)
                    #expect(Tally.kind(answer) == "503 database-unavailable", "\(question.path): \(answer.text)")
                    #expect(answer.headers["retry-after"] == "1" && answer.headers["content-type"] == "application/problem+json")
                }
                #expect(try trial.cluster.client("gateway-1").get("/metrics").status == 200)
            }
            try await server.restart()
            try await TestCluster.blocking {
                try TestCluster.wait("the ledger is back") { try ask(questions[0]).status == 200 }
                for question in questions { #expect(try ask(question).status == 200, "\(question.path)") }
                try trial.cluster.waitUntilReady()
                #expect(try trial.reconcile() == [:])
            }
        }

        @Test("changes that wait for a lock hold up no read, are given up in time and have changed nothing")
        func locked() async throws {
            let seed = Chaos.seed("changes that wait")
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, affiliates: 50, flows: false)
            try await TestCluster.blocking {
                let id = try Self.accept(trial)
                let connection = try trial.cluster.connect()
                let figures = LedgerFigures(connection: connection)
                let holder = try trial.cluster.connect()
                try holder.executeScript("BEGIN")
                _ = try holder.execute("SELECT 1 FROM fature_v2.transactions WHERE transaction_id = $1 FOR UPDATE", [.int(id)])
                let answers = Tally()
                let callers = Callers()
                // More than there are connections for changes.
                for number in 0..<5 {
                    let client = Held(trial.cluster.client("gateway-1"))
                    callers.add("caller \(number)") { _ in
                        let answer = try client.value.send("POST", "/api/v2/transactions/\(id)/reverse", ["reason": "locked"])
                        answers.note(answer)
                    }
                }
                try TestCluster.wait("changes wait") {
                    try figures.row(
                        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%reverse_transaction%'"
                    ) == "2"
                }
                let client = trial.cluster.client("gateway-1")
                for _ in 0..<50 {
                    #expect(try client.get("/api/v2/transactions/\(id)").decode(TransactionState.self).status == "processed")
                    #expect(try client.get("/api/v2/affiliates/\(TestNetwork.chainTop)").status == 200)
                }
                #expect(answers.kinds.isEmpty, "the changes did not wait: \(answers.summary)")
                try TestCluster.wait("changes are given up") { answers["503 database-unavailable"] > 2 }
                #expect(try figures.row("SELECT count(*) FROM fature_v2.transaction_reversal") == "0")
                try holder.executeScript("ROLLBACK")
                try TestCluster.wait("the change is made") { answers["200"] > 0 }
                #expect(callers.stop() == [])
                print("changes that wait: \(answers.summary)")
                #expect(
                    answers.kinds.isSubset(of: [
                        "200", "503 database-unavailable", "503 outcome-unknown", "504 deadline-exceeded",
                    ]),
                    "\(answers.summary)")
                #expect(try figures.row("SELECT count(*) FROM fature_v2.transaction_reversal") == "1")
                #expect(try trial.reconcile() == [:])
            }
        }

        @Test("a change whose answer is lost is told as unknown, and asked for again answered as it was made")
        func lostAnswers() async throws {
            let seed = Chaos.seed("lost answers about the ledger")
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, affiliates: 50, flows: false)
            try await TestCluster.blocking {
                let figures = LedgerFigures(connection: try trial.cluster.connect())
                let proxy = try PostgresProxy(to: trial.cluster.server.port, of: "ledger changes")
                defer { proxy.stop() }
                let url = trial.cluster.database.url.replacingOccurrences(
                    of: ":\(trial.cluster.server.port)/", with: ":\(proxy.port)/")
                try trial.cluster.startGateway("gateway-3", environment: ["DATABASE_URL=\(url)"])
                let client = trial.cluster.client("gateway-3")
                let answers = Tally()
                for round in 0..<12 {
                    let id = try Self.accept(trial, "lost-\(round)")
                    let fault: PostgresProxy.Fault = round % 2 == 0 ? .loseAnswer : .loseRequest
                    let path = "/api/v2/transactions/\(id)/reverse"
                    // The connection there is may have been cut by the round before, and only then is it missed.
                    #expect(
                        Tally.kind(try client.send("POST", "/api/v2/transactions/1/reverse", ["reason": "r"]))
                            == "404 unknown-transaction")
                    proxy.arm(fault)
                    let lost = try client.send("POST", path, ["reason": "first"])
                    #expect(!proxy.isArmed)
                    answers.note("\(fault) \(Tally.kind(lost))")
                    // A fault that met a connection which was being opened cost that one nothing but another attempt.
                    let isDone = lost.status == 200 || fault == .loseAnswer
                    if lost.status != 200 { #expect(lost.text.contains("a transaction is reversed once"), "\(lost.text)") }
                    if fault == .loseAnswer {
                        try TestCluster.wait("PostgreSQL has done it") {
                            try figures.row("SELECT count(*) FROM fature_v2.transaction_reversal WHERE transaction_id = \(id)")
                                == "1"
                        }
                    }
                    let again = try client.send("POST", path, ["reason": "second"])
                    #expect(again.status == 200)
                    #expect(try again.decode(ReversalAnswer.self).reason == (isDone ? "first" : "second"))
                }
                print("lost answers about the ledger: \(answers.summary)")
                #expect(answers["loseAnswer 503 outcome-unknown"] > 2 && answers["loseRequest 503 outcome-unknown"] > 2)
                #expect(answers.kinds.allSatisfy { $0.hasSuffix(" 200") || $0.hasSuffix(" 503 outcome-unknown") })
                #expect(try trial.reconcile() == [:])
            }
        }

        /// A deposit that has been paid.
        private static func accept(_ trial: LedgerTrial, _ externalID: String = "one") throws -> Int64 {
            let transaction = SentTransaction(
                externalID: externalID, affiliate: TestNetwork.chainTop + 20, type: "deposit", amount: 100_000, winnings: 0)
            let client = trial.cluster.client("gateway-1")
            let answer = try client.ask("POST", "/api/v2/transactions", body: Data(transaction.json.utf8))
            let id = try answer.decode(AcceptedAnswer.self).transaction_id
            try TestCluster.wait("it is paid", seconds: 30) {
                try client.get("/api/v2/transactions/\(id)").decode(TransactionState.self).status == "processed"
            }
            return id
        }
    }
}
