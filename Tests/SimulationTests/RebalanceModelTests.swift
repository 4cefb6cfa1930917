import Core
import Ownership
import Testing

@testable import Simulation

@Suite("How plans are carried out in the simulation")
struct RebalanceModelTests {
    private let workers = (1...4).map { WorkerInstanceID(Int64($0)) }

    /// Shard by shard: all of the first worker's, but for those of the second one.
    private func picture(
        _ moves: [ShardMove] = [], living: [Int] = [0, 1, 2, 3], second: Set<Int> = []
    ) -> RebalanceModel.Picture {
        .init(
            owners: (0..<8).map { (workers[second.contains($0) ? 1 : 0], Epoch(5)) }, living: Set(living.map { workers[$0] }),
            moves: moves)
    }

    private func planned(_ shard: Int, to target: Int, from source: Int = 0) -> PlannedMove {
        PlannedMove(shard: ShardID(shard), source: workers[source], target: workers[target], fromEpoch: Epoch(5))
    }

    private func row(_ id: Int64, _ move: PlannedMove, _ stage: ShardMove.Stage = .preparing) -> ShardMove {
        ShardMove(
            id: MoveID(id), shard: move.shard, source: move.source, target: move.target, fromEpoch: move.fromEpoch, stage: stage)
    }

    private func apply(_ model: inout RebalanceModel, _ moves: [PlannedMove]) -> Bool { model.apply(moves) }

    private func step(
        _ model: inout RebalanceModel, _ picture: RebalanceModel.Picture, now: UInt64 = 0,
        order: (PlannedMove) -> RebalanceModel.OrderOutcome = { _ in .busy }
    ) -> RebalanceModel.Step { model.advance(picture, now: now, order: order) }

    /// Calls until nothing more is ordered. Returns the rows of what was, numbered from 1.
    private func ordered(_ model: inout RebalanceModel, _ moves: [ShardMove] = [], now: UInt64 = 0) -> [ShardMove] {
        var rows = moves
        while true {
            var row: ShardMove?
            let step = model.advance(picture(rows), now: now) { move in
                let new = self.row(Int64(rows.count + 1), move)
                row = new
                return .ordered(new.id)
            }
            guard case .ordered = step, let row else { return Array(rows.dropFirst(moves.count)) }
            rows.append(row)
        }
    }

    @Test("without a plan nothing is done, and of two plans at once one is refused")
    func idle() {
        var model = RebalanceModel()
        #expect(step(&model, picture()) == .idle)
        #expect(!apply(&model, []))
        #expect(apply(&model, [planned(0, to: 1)]))
        #expect(!apply(&model, [planned(1, to: 1)]))
    }

    @Test(
        "moves begin in their order as the throttles allow: two of a source, one to a target, four at once, those of others counted"
    )
    func throttles() {
        var model = RebalanceModel()
        let moves = [planned(0, to: 1), planned(1, to: 1), planned(2, to: 2), planned(3, to: 3), planned(4, to: 0, from: 1)]
        #expect(apply(&model, moves))
        #expect(ordered(&model).map { Int($0.shard.rawValue) } == [0, 2, 4])
        var busy = RebalanceModel()
        #expect(apply(&busy, moves))
        let others = (0..<4).map { row(Int64($0 + 1), planned(7 - $0, to: 3, from: 2)) }
        #expect(ordered(&busy, others).isEmpty)
    }

    @Test("a hand-off aborted for a passing reason is begun three times, after one pause and after two; another one once")
    func retried() {
        var throttles = RebalanceModel.Throttles()
        throttles.retry = 100
        var model = RebalanceModel(throttles: throttles)
        let (passing, lasting) = (planned(0, to: 1), planned(1, to: 2))
        #expect(apply(&model, [passing, lasting]))
        var rows = ordered(&model)
        #expect(rows.count == 2)
        rows = [row(1, passing, .aborted(.holdDeadline, warm: true)), row(2, lasting, .aborted(.checksumDiffers, warm: true))]
        #expect(ordered(&model, rows, now: 1_000).isEmpty)
        #expect(model.moves == [.planned, .failed(.aborted(.checksumDiffers))])
        #expect(ordered(&model, rows, now: 1_099).isEmpty)
        #expect(ordered(&model, rows, now: 1_100).map(\.id) == [MoveID(3)])
        rows.append(row(3, passing, .aborted(.copyLost, warm: false)))
        #expect(ordered(&model, rows, now: 2_000).isEmpty)
        #expect(ordered(&model, rows, now: 2_199).isEmpty)
        #expect(ordered(&model, rows, now: 2_200).map(\.id) == [MoveID(4)])
        rows.append(row(4, passing, .aborted(.moveDeadline, warm: false)))
        #expect(step(&model, picture(rows), now: 3_000) == .progressed)
        #expect(model.state == .partial && model.moves.first == .failed(.aborted(.moveDeadline)))
    }

    @Test("at its turn a move fails whose shard has gone elsewhere or whose target has died; one that is done is done")
    func overtaken() {
        var model = RebalanceModel()
        #expect(apply(&model, [planned(0, to: 1), planned(1, to: 2), planned(2, to: 3)]))
        let answers: [ShardID: RebalanceModel.OrderOutcome] = [
            ShardID(0): .ownerChanged, ShardID(1): .ownerChanged, ShardID(2): .targetGone,
        ]
        for _ in 0..<4 {
            #expect(step(&model, picture(second: [0]), order: { answers[$0.shard] ?? .busy }) == .progressed)
        }
        #expect(model.moves == [.done, .failed(.ownerChanged), .failed(.targetLost)])
        #expect(model.state == .partial)
    }

    @Test("paused, no move begins; aborted, those not begun are skipped, and how the others end is taken down")
    func steered() {
        var model = RebalanceModel()
        let move = planned(0, to: 1)
        #expect(apply(&model, [move, planned(1, to: 1)]))
        model.pause()
        #expect(ordered(&model).isEmpty)
        model.resume()
        #expect(ordered(&model).count == 1)
        model.abort()
        #expect(!apply(&model, [planned(3, to: 3)]))
        let end = [row(1, move, .committed(Seal(finalSequence: 1, checksum: 2), at: 1))]
        #expect(step(&model, picture(end)) == .waiting)
        #expect(model.moves == [.done, .skipped] && model.state == .aborted)
        #expect(step(&model, picture(end)) == .idle)
    }
}
