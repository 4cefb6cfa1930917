import ClusterSupport
import Core
import Frames
import Ownership
import PostgresClient
import Store
import TestServers
import Testing

@testable import Worker

extension ClusterTests {
    /// What waits at the source of a hand-off, without its process.
    @Suite(.serialized) struct SourceTests {
        @Test(
            "a shard that is handed off is not paid: its seal waits until payments have let go of it, and they go on after an abort"
        )
        func payments() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                let shard = ShardID(bench.star)
                let payments = bench.payments
                try bench.begin()
                try bench.own(bench.star)
                try TestCluster.wait("the shard is paid") { payments.ownership.epochs[shard] == Epoch(1) }
                payments.letGo(false)
                let move = try bench.order(bench.star, connection)
                try bench.write(move, .ready, connection)
                try TestCluster.wait("payments are paused") { payments.ownership.epochs[shard] == nil }
                // Looked at many times, and each time a batch is in hand.
                let asked = payments.questions
                try TestCluster.wait("payments are asked for") { payments.questions > asked + 20 }
                try bench.source(bench.star, "settling") { if case .settling = $0 { true } else { false } }
                #expect(try bench.join("joins while payments end") == .body)
                payments.letGo(true)
                try bench.source(bench.star, "sealed") { if case .sealed = $0 { true } else { false } }
                #expect(payments.ownership.epochs[shard] == nil)
                try bench.write(move, .abort(.operator), connection)
                try TestCluster.wait("the shard is paid again") { payments.ownership.epochs[shard] == Epoch(1) }
            }
            try await bench.stop()
        }

        @Test("a transaction that is held while the shard is read anew is sent again, and paid by the upline that holds then")
        func reloaded() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                let shard = ShardID(bench.star)
                let ray = TestNetwork.starCentre + 1
                try bench.begin()
                try bench.own(bench.star)
                // The memory does not know of it.
                let fence = WriteFence(shard: shard, owner: WorkerBench.instance, epoch: Epoch(1))
                _ = try HierarchyWrites.move(
                    MoveRequest(
                        fence: fence, affiliateID: AffiliateID(ray), newParent: AffiliateID(ray + 1), reason: "test",
                        origin: ChangeOrigin(actor: "tests")), on: connection)
                let move = try bench.order(bench.star, connection)
                try bench.write(move, .ready, connection)
                try bench.source(bench.star, "sealed") { if case .sealed = $0 { true } else { false } }
                let held = try bench.sendTransaction("held", of: ray)
                #expect(try bench.answer(held) == nil)
                try bench.whileLoadsStand { _ in
                    try bench.onLoop { bench.steward.tell(bench.loop.seat(shard)) { $0.copyLost(now: monotonicNow()) } }
                    // At once, and not when its time is over.
                    #expect(try bench.answer(held)?.receipt?.outcome == .notYet)
                }
                // The move was sealed with another memory: given up.
                try bench.waitUntilServed(bench.star)
                try TestCluster.wait("it is accepted") {
                    try bench.awaitAnswer(try bench.sendTransaction("held", of: ray)).receipt?.outcome == .accepted
                }
                let upline = try connection.execute(
                    "SELECT upline FROM fature_v2.transactions WHERE external_transaction_id = 'held'"
                ).intArray(0, 0).compactMap { $0 }
                #expect(upline == [ray + 1, TestNetwork.starCentre])
            }
            try await bench.stop()
        }

        @Test("a transaction that stands in the line while the shard is read anew is sent again too")
        func reloadedInLine() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let shard = ShardID(bench.star)
                try bench.begin()
                try bench.own(bench.star)
                var inLine: UInt64 = 0
                try bench.whileBusy(bench.pools.intake, 1) {
                    // On its way already: as good as committed before the memory was given up.
                    _ = try bench.sendTransaction("on its way", of: TestNetwork.starCentre)
                    inLine = try bench.sendTransaction("in line", of: TestNetwork.starCentre)
                    try bench.onLoop { bench.steward.tell(bench.loop.seat(shard)) { $0.copyLost(now: monotonicNow()) } }
                    try bench.waitUntilServed(bench.star)
                    #expect(try bench.answer(inLine) == nil)
                }
                #expect(try bench.awaitAnswer(inLine).receipt?.outcome == .notYet)
            }
            try await bench.stop()
        }

        @Test("reads and transactions are held for a while only, and not beyond their deadlines")
        func limits() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                try bench.begin()
                try bench.own(bench.star)
                // Of a change that never comes.
                let vain = try bench.awaitAnswer(try bench.sendRead(ofChange: 1_000_000, milliseconds: 300))
                #expect(vain.outcome == .problem && vain.word == WorkerProblem.deadlineExceeded.rawValue)

                let move = try bench.order(bench.star, connection)
                try bench.write(move, .ready, connection)
                let state = try bench.source(bench.star, "sealed") { if case .sealed = $0 { true } else { false } }
                guard case .sealed(let seal, _) = state else { return }
                let started = ContinuousClock.now
                let held = try bench.sendTransaction("held", of: TestNetwork.starCentre)
                let short = try bench.sendTransaction("short", of: TestNetwork.starCentre, milliseconds: 200)
                #expect(try bench.awaitAnswer(short).receipt?.outcome == .deadlineExceeded)
                #expect(try bench.awaitAnswer(held).receipt?.outcome == .notYet)

                // The commit waits for a connection: whether it will be carried out is not known.
                try bench.whileBusy(bench.pools.moves, 2) {
                    try bench.write(move, .confirm(seal), connection)
                    try bench.source(bench.star, "committing") { if case .committing = $0 { true } else { false } }
                    let read = try bench.sendRead()
                    let shortRead = try bench.sendRead(milliseconds: 200)
                    let transaction = try bench.sendTransaction("of a commit", of: TestNetwork.starCentre)
                    let expired = try bench.awaitAnswer(shortRead)
                    #expect(expired.outcome == .problem && expired.word == WorkerProblem.deadlineExceeded.rawValue)
                    #expect(try bench.answer(read) == nil)
                    #expect(try bench.awaitAnswer(read).outcome == .notYet)
                    #expect(try bench.awaitAnswer(transaction).receipt?.outcome == .notYet)
                    print("held twice: \(ContinuousClock.now - started)")
                    _ = try connection.execute("SELECT fature_v2.abort_move($1, 'operator', null)", [.int(move.rawValue)])
                }
                try bench.waitUntilServed(bench.star)
                let last = try bench.sendRead()
                #expect(try bench.awaitAnswer(last).outcome == .body)
            }
            try await bench.stop()
        }

        @Test("a row that makes no sense hides no others, and is told of once; a row that is gone holds nothing up")
        func rows() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                try bench.begin()
                try bench.own(bench.star)
                _ = try connection.execute("ALTER TABLE fature_v2.shard_move DROP CONSTRAINT shard_move_state_check")
                let strange = try bench.order((bench.star + 1) % ShardID.count, connection)
                _ = try connection.execute(
                    "UPDATE fature_v2.shard_move SET state = 'elsewhere' WHERE move_id = $1", [.int(strange.rawValue)])
                let move = try bench.order(bench.star, connection)
                try bench.write(move, .ready, connection)
                try bench.source(bench.star, "sealed") { if case .sealed = $0 { true } else { false } }
                let held = try bench.sendJoin("joins when the row is gone")
                #expect(try bench.answer(held) == nil)
                _ = try connection.execute("DELETE FROM fature_v2.shard_move WHERE move_id = $1", [.int(move.rawValue)])
                #expect(try bench.awaitAnswer(held).outcome == .body)
                try bench.waitUntilServed(bench.star)
                #expect(bench.recorder.lines.count { $0.contains("makes no sense") } == 1)
                #expect(bench.recorder.lines.count { $0.contains("not there any more") } == 1)
            }
            try await bench.stop()
        }
    }
}
