import ClusterSupport
import Core
import Foundation
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct GatewayKillTests {
        @Test("a gateway killed between commit and answer: the caller asks again and gets the first answer")
        func betweenCommitAndAnswer() async throws {
            let seed = Chaos.seed("a gateway killed between commit and answer")
            let stop = "\(FailPoint.variable)=\(FailPoint.intakeAfterCommit.rawValue)=stop"
            let trial = try await LedgerTrial.start(
                seed: seed, workers: 1, environment: ["worker-1": [stop]], flows: false)
            try await TestCluster.blocking {
                let cluster = trial.cluster
                let connection = try cluster.connect()
                let affiliate = try #require(trial.affiliates.first)
                let transaction = SentTransaction(
                    externalID: "between", affiliate: affiliate, type: "deposit", amount: 10_050, winnings: 0)
                let body = Data(transaction.json.utf8)
                let caller = Callers()
                let answers = Tally()
                caller.add("caller") { round in
                    guard round == 0 else { return Thread.sleep(seconds: 0.005) }
                    let client = cluster.client("gateway-1")
                    answers.note((try? client.ask("POST", "/api/v2/transactions", body: body)).map { "\($0.status)" } ?? "none")
                }
                try trial.awaitStop("worker-1")
                let id = try connection.execute(
                    "SELECT transaction_id FROM fature_v2.transactions WHERE external_transaction_id = 'between'"
                ).int(0, 0)
                cluster.kill("gateway-1")
                try TestCluster.wait("the caller's connection is gone") { !answers.kinds.isEmpty }
                #expect(caller.stop() == [])
                #expect(answers.kinds == ["none"])
                cluster.wake("worker-1")
                try cluster.startGateway("gateway-1")
                try cluster.waitUntilReady()
                let again = try cluster.client("gateway-1").ask("POST", "/api/v2/transactions", body: body)
                #expect(again.status == 200, "\(again.text)")
                #expect(try again.decode(AcceptedAnswer.self).transaction_id == id)

                trial.flow.start()
                var random = SeededGenerator(seed: seed)
                for _ in 0..<(6 * Chaos.rounds) {
                    let gateway = LedgerTrial.gateways.randomElement(using: &random) ?? ""
                    try trial.awaitFlow(Int.random(in: 1...150, using: &random))
                    cluster.kill(gateway)
                    try trial.awaitFlow(20)
                    try cluster.startGateway(gateway)
                }
                try trial.settle("killed gateways", others: ["between"])
            }
        }
    }
}
