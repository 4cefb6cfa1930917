import ClusterSupport
import Core
import Frames
import PostgresClient
import Synchronization
import TestServers

/// Sends affiliates of the chain's end to another shard, one at a time: changes that another worker makes to a shard.
final class Chain: Sendable {
    private let frames: Held<FrameCaller>
    private let shard: Int
    private let count = Atomic<Int64>(0)

    init(_ cluster: TestCluster) throws {
        frames = Held(try FrameCaller(cluster))
        shard = Int(
            try cluster.connect().execute(
                "SELECT shard_id FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1", [.int(TestNetwork.chainTop)]
            ).int(0, 0))
    }

    var sent: Int64 { count.load(ordering: .sequentiallyConsistent) }

    /// Has the chain's shard be at this worker.
    func bring(to worker: String, _ desk: MoveDesk) throws {
        if try desk.cluster.owner(ofShard: shard, desk.connection) != worker { try desk.move(shard, to: worker) }
        // Whoever had it before may be asleep when it is asked the next time.
        let question = AffiliateQuestion(sequence: 0, affiliate: AffiliateID(TestNetwork.chainTop))
        _ = try frames.value.ask(.affiliate, shard) { question.write(to: $0) }
    }

    /// To be called by one thread at a time.
    func sendOne(to parent: Int64) throws {
        let number = count.load(ordering: .sequentiallyConsistent)
        guard number < TestNetwork.chainLength - 1 else { return }
        let order = MoveOrder(
            origin: ChangeOrigin(actor: "tests"),
            about: AffiliateQuestion(
                sequence: 0, affiliate: AffiliateID(TestNetwork.chainTop + TestNetwork.chainLength - 1 - number)),
            newParent: AffiliateID(parent), reason: "a test")
        let reply = try frames.value.ask(.move, shard) { order.write(to: $0) }
        guard reply.outcome == .binary else { throw TestServerError("an affiliate did not move: \(reply.outcome) \(reply.word)") }
        count.add(1, ordering: .sequentiallyConsistent)
    }
}
