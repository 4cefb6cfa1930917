import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct MoveTests {
        @Test("among moves and status changes each transaction keeps an upline that held while it was asked about, for ever")
        func moves() async throws {
            let seed = Chaos.seed("moves and status changes")
            var settings = TransactionFlow.Settings()
            settings.statusesChange = true
            settings.batchMax = 25
            let trial = try await LedgerTrial.start(seed: seed, affiliates: 400, settings)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                let network = Mutex(try MovingNetwork(connection))
                let changes = Tally()
                let mover = Callers()
                let client = Held(trial.cluster.client("gateway-2"))
                let random = Held(SeededGenerator(seed: seed &+ 1))
                mover.add("mover") { _ in
                    let id = trial.affiliates.randomElement(using: &random.value) ?? 1
                    let path = "/api/v2/affiliates/\(id)"
                    let asked = ContinuousClock.now
                    if Bool.random(using: &random.value) {
                        let parent =
                            Int.random(in: 0..<10, using: &random.value) == 0
                            ? nil : trial.affiliates.randomElement(using: &random.value)
                        let answer = try client.value.send(
                            "POST", "\(path)/move", ["new_parent_affiliate_id": parent, "reason": "moves"])
                        changes.note(answer)
                        guard answer.status == 200 else { return }
                        network.withLock { $0.move(id, to: parent, asked: asked, answered: .now) }
                    } else {
                        let status = Int.random(in: 0..<3, using: &random.value) == 0 ? "suspended" : "active"
                        let answer = try client.value.send("PATCH", path, ["status": status])
                        changes.note(answer)
                        guard answer.status == 200 else { return }
                        network.withLock { $0.setStatus(id, status, asked: asked, answered: .now) }
                    }
                    usleep(10_000)
                }
                try trial.awaitFlow(1500 * Chaos.rounds)
                let early = try Self.uplines(connection)
                try trial.awaitFlow(500)
                #expect(mover.stop() == [])
                try trial.settle("moves")
                print("moves: \(changes.summary)")
                #expect(changes["200"] > 50 && changes.kinds.isSubset(of: ["200", "409 cycle"]), "\(changes.summary)")

                let late = try Self.uplines(connection)
                #expect(early.filter { late[$0.key] != $0.value }.isEmpty, "what was accepted was changed later")
                let history = network.withLock { $0 }
                let wrong = trial.flow.spans.filter { externalID, span in
                    let versions = history.versions(from: span.from, to: span.to)
                    guard let row = late[externalID] else {
                        return versions.allSatisfy { history.isActive(span.affiliate, at: $0) }
                    }
                    return !versions.contains {
                        let upline = history.upline(span.affiliate, at: $0)
                        return upline.ids == row.ids && upline.inactive == row.inactive
                            && history.isActive(span.affiliate, at: $0)
                    }
                }
                #expect(
                    wrong.isEmpty, "\(wrong.count) of \(trial.flow.spans.count) with an upline that never was: \(wrong.prefix(3))"
                )
                #expect(trial.flow.tally["422"] > 0, "nobody was asked about while not active")
            }
        }

        private struct Row: Equatable {
            var ids: [Int64]
            var inactive: [Int64]
        }

        private static func uplines(_ connection: PostgresConnection) throws -> [String: Row] {
            let rows = try connection.execute(
                "SELECT external_transaction_id, upline, coalesce(upline_inactive, '{}')::bigint[] FROM fature_v2.transactions")
            var uplines: [String: Row] = [:]
            for row in 0..<rows.rowCount {
                uplines[try rows.text(row, 0)] = Row(
                    ids: try rows.intArray(row, 1).compactMap(\.self), inactive: try rows.intArray(row, 2).compactMap(\.self))
            }
            return uplines
        }
    }
}
