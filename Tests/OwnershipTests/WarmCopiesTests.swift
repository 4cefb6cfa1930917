import Core
import Testing

@testable import Ownership

@Suite("Who can take up a dead worker's shards quickly")
struct WarmCopiesTests {
    private let workers = (1...3).map { WorkerInstanceID(Int64($0)) }

    private func row(_ id: Int64, _ shard: Int, _ target: Int, _ stage: ShardMove.Stage) -> ShardMove {
        ShardMove(
            id: MoveID(id), shard: ShardID(shard), source: workers[0], target: workers[target], fromEpoch: Epoch(5), stage: stage)
    }

    @Test("a dead owner's shard goes first to the worker that has a warm copy")
    func warm() {
        let moves = [
            row(1, 0, 1, .aborted(.sourceLost, warm: true)), row(2, 1, 1, .aborted(.sourceLost, warm: false)),
            row(3, 2, 1, .aborted(.sourceLost, warm: true)), row(4, 2, 2, .aborted(.loadFailed, warm: false)),
        ]
        let preferred = WarmCopies.preferences(for: (0..<4).map { ShardID($0) }, among: [workers[1], workers[2]], moves: moves)
        #expect(preferred.map(\.shard) == [ShardID(0)])
        #expect(preferred.map(\.worker) == [workers[1]])
    }
}
