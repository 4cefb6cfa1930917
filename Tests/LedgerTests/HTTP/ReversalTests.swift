import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct ReversalTests {
        @Test("a transaction is reversed once, by however many at a time, and answered as the first time for ever")
        func once() async throws {
            let seed = Chaos.seed("reversals")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                let figures = LedgerFigures(connection: try trial.cluster.connect())
                let clients = LedgerTrial.gateways.map { trial.cluster.client($0) }
                // While the flow goes on: some are paid when they are taken back, some are not yet.
                var first: [(id: Int64, answer: HTTPAnswer)] = []
                for _ in 0..<6 {
                    try trial.awaitFlow(40)
                    for id in trial.flow.acknowledged.values.sorted().suffix(8) where !first.contains(where: { $0.id == id }) {
                        first.append((id, try Self.together(id, trial)))
                    }
                }
                #expect(trial.flow.finish() == [])
                try trial.awaitPaid(figures.connection)
                var paid = 0
                for (id, answer) in first {
                    let told = try answer.decode(ReversalAnswer.self)
                    #expect(told.transaction_id == id && told.status == "reversed")
                    if told.was_paid { paid += 1 }
                    for (client, reason) in zip(clients, [told.reason, "another reason"]) {
                        let again = try client.send("POST", "/api/v2/transactions/\(id)/reverse", ["reason": reason])
                        #expect(again.status == 200 && again.body == answer.body, "\(again.text) after \(answer.text)")
                    }
                    #expect(
                        "\(told.entries) \(told.amount)"
                            == (try figures.row(
                                "SELECT count(*), coalesce(sum(amount), 0.00) FROM fature_v2.commissions WHERE transaction_id = \(id) AND ordinal < 0"
                            )))
                    #expect(
                        try figures.row("SELECT coalesce(sum(amount), 0) FROM fature_v2.commissions WHERE transaction_id = \(id)")
                            .first == "0")
                    let state = try clients[0].get("/api/v2/transactions/\(id)").decode(TransactionState.self)
                    #expect(state.status == "reversed" && state.reversal?.actor == "api" && state.reversal?.reason == told.reason)
                    #expect(state.reversal?.reversed_at == told.reversed_at && state.reversal?.was_paid == told.was_paid)
                    let explained = try clients[1].get("/api/v2/transactions/\(id)/commissions?explain=true").decode(
                        ExplanationAnswer.self)
                    #expect(
                        try explained.matches_ledger == true && explained.commissions.map(\.line) == figures.entries(of: id))
                    #expect(told.was_paid || explained.levels?.isEmpty == true)
                }
                print("reversals: \(first.count), \(paid) of them paid")
                #expect(first.count > 20)
                #expect(try figures.row("SELECT count(*) FROM fature_v2.transaction_reversal") == "\(first.count)")
                #expect(
                    try figures.row("SELECT count(*) FROM fature_v2.audit_log WHERE table_name = 'transactions'")
                        == "\(first.count)")
                let unknown = try clients[0].send("POST", "/api/v2/transactions/1/reverse", ["reason": "r"])
                #expect(Tally.kind(unknown) == "404 unknown-transaction")
                let silent = try clients[0].send("POST", "/api/v2/transactions/\(first[0].id)/reverse", [:])
                #expect(Tally.kind(silent) == "422 invalid-field")
                #expect(try trial.reconcile() == [:])
            }
        }

        /// Four callers at once, on both gateways, each with a reason of its own: one of them is the first, and all are told the same.
        private static func together(_ id: Int64, _ trial: LedgerTrial) throws -> HTTPAnswer {
            let answers = Mutex<[HTTPAnswer]>([])
            let callers = Callers()
            for number in 0..<4 {
                let client = Held(trial.cluster.client(LedgerTrial.gateways[number % 2]))
                let isDone = Held(false)
                callers.add("caller \(number)") { _ in
                    guard !isDone.value else { return Thread.sleep(seconds: 0.001) }
                    let answer = try client.value.send(
                        "POST", "/api/v2/transactions/\(id)/reverse", ["reason": "reason \(number)"])
                    // Four who lock the same rows may be told to come back.
                    guard answer.status != 503 else { return }
                    answers.withLock { $0.append(answer) }
                    isDone.value = true
                }
            }
            try TestCluster.wait("four answers about \(id)") { answers.withLock { $0.count } == 4 }
            #expect(callers.stop() == [])
            let all = answers.withLock { $0 }
            #expect(all.allSatisfy { $0.status == 200 } && Set(all.map(\.body)).count == 1, "\(all.map(\.text))")
            return all[0]
        }

        @Test("what is reversed before it is paid never pays")
        func unpaid() async throws {
            let seed = Chaos.seed("reversals before payment")
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, affiliates: 50, flows: false)
            try await TestCluster.blocking {
                let figures = LedgerFigures(connection: try trial.cluster.connect())
                let client = trial.cluster.client("gateway-1")
                #expect(try trial.cluster.run("queue", "pause", "--reason", "a test").status == 0)
                let transaction = SentTransaction(
                    externalID: "early", affiliate: TestNetwork.chainTop + 9, type: "deposit", amount: 12_345, winnings: 0)
                let accepted = try client.ask("POST", "/api/v2/transactions", body: Data(transaction.json.utf8))
                let id = try accepted.decode(AcceptedAnswer.self).transaction_id
                #expect(accepted.headers["location"] == "/api/v2/transactions/\(id)")
                let before = try client.get("/api/v2/transactions/\(id)").decode(TransactionState.self)
                #expect(before.status == "accepted" && before.upline.count == 9)
                let waiting = try client.get("/api/v2/transactions/\(id)/commissions?explain=true").decode(ExplanationAnswer.self)
                #expect(waiting.levels?.isEmpty == true && waiting.matches_ledger == true && waiting.plan?.version == 1)
                let reversal = try client.send("POST", "/api/v2/transactions/\(id)/reverse", ["reason": "never"])
                let told = try reversal.decode(ReversalAnswer.self)
                #expect(!told.was_paid && told.entries == 0 && told.amount == "0.00" && told.reason == "never")
                #expect(try trial.cluster.run("queue", "resume").status == 0)
                try TestCluster.wait("the queues are empty", seconds: 30) { try trial.queued() == 0 }
                #expect(try client.get("/api/v2/transactions/\(id)").decode(TransactionState.self).status == "reversed")
                #expect(try figures.row("SELECT count(*) FROM fature_v2.commissions") == "0")
                let again = try client.ask("POST", "/api/v2/transactions", body: Data(transaction.json.utf8))
                #expect(again.status == 200 && again.body == accepted.body, "the external id stays taken")
                #expect(try trial.reconcile() == [:])
            }
        }
    }
}
