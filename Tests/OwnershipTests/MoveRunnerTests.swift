import Core
import Testing

@testable import Ownership

@Suite("Carrying out wanted moves")
struct MoveRunnerTests {
    private let workers = (1...3).map { WorkerInstanceID(Int64($0)) }

    private func picture(owner: Int = 0, moves: [ShardMove] = [], living: [Int] = [0, 1, 2]) -> MoveRunner.Picture {
        .init(
            owners: Array(repeating: (workers[owner], Epoch(5)), count: 8), living: Set(living.map { workers[$0] }), moves: moves)
    }

    private func wanted(_ shard: Int, _ target: Int) -> WantedMove { WantedMove(shard: ShardID(shard), target: workers[target]) }

    private func row(_ id: Int64, _ shard: Int, _ target: Int, _ stage: ShardMove.Stage = .preparing) -> ShardMove {
        ShardMove(
            id: MoveID(id), shard: ShardID(shard), source: workers[0], target: workers[target], fromEpoch: Epoch(5), stage: stage)
    }

    @Test("no more moves are ordered than one target and one source may have at a time")
    func throttles() {
        var runner = MoveRunner()
        runner.want((0..<6).map { wanted($0, 1 + $0 % 2) })
        let orders = runner.look(picture(), now: 0)
        #expect(orders.map(\.wanted) == [wanted(0, 1), wanted(1, 2)])
        #expect(orders.allSatisfy { $0.source == workers[0] && $0.fromEpoch == Epoch(5) })
    }

    @Test("moves that others have ordered count, too")
    func others() {
        var runner = MoveRunner()
        runner.want([wanted(0, 1)])
        #expect(runner.look(picture(moves: [row(9, 5, 1)]), now: 0).isEmpty)
    }

    @Test("what is so already is done, and what can not be has failed")
    func skipped() {
        var runner = MoveRunner()
        runner.want([wanted(0, 0), wanted(1, 2)])
        #expect(runner.look(picture(living: [0, 1]), now: 0).isEmpty)
        #expect(runner.isDone)
        #expect(runner.failures.map(\.move) == [wanted(1, 2)])
    }

    @Test("a move that was aborted for a passing reason is ordered three times, then it has failed")
    func retried() {
        var runner = MoveRunner()
        runner.want([wanted(0, 1)])
        var now: UInt64 = 0
        for id in 1...3 as ClosedRange<Int64> {
            let orders = runner.look(picture(), now: now)
            #expect(orders.count == 1)
            runner.answered(orders[0], .ordered(MoveID(id)), now: now)
            #expect(runner.watched == [MoveID(id)])
            #expect(runner.look(picture(moves: [row(id, 0, 1, .aborted(.holdDeadline, warm: true))]), now: now).isEmpty)
            now += 500_000_000
        }
        #expect(runner.isDone)
        #expect(runner.failures.map(\.failure) == [.aborted(.holdDeadline)])
    }

    @Test("a move that was aborted for good is not ordered again")
    func forGood() {
        var runner = MoveRunner()
        runner.want([wanted(0, 1)])
        let order = runner.look(picture(), now: 0)[0]
        runner.answered(order, .ordered(MoveID(1)), now: 0)
        _ = runner.look(picture(moves: [row(1, 0, 1, .aborted(.checksumDiffers, warm: true))]), now: 0)
        #expect(runner.failures.map(\.failure) == [.aborted(.checksumDiffers)])
    }

    @Test("an order whose answer was lost is found among the active moves")
    func lostAnswer() {
        var runner = MoveRunner()
        runner.want([wanted(0, 1)])
        let order = runner.look(picture(), now: 0)[0]
        runner.answered(order, .refused, now: 0)
        #expect(runner.look(picture(moves: [row(4, 0, 1)]), now: 1).isEmpty)
        #expect(runner.watched == [MoveID(4)])
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
