import Core
import RedisClient
import Synchronization
import TestServers
import Testing

@testable import JobQueue

/// A handler whose `cancel` does not come back before the gate opens.
private final class StubbornHandler: JobHandler {
    let gate: Gate
    let isCancelled = Atomic(false)

    init(_ gate: Gate) { self.gate = gate }

    func handle(_ jobs: [Job], deadline: Deadline) throws -> [JobOutcome] {
        isCancelled.store(false, ordering: .releasing)
        _ = gate.wait(until: { self.isCancelled.load(ordering: .acquiring) })
        throw TestServerError("cancelled")
    }

    func cancel() {
        isCancelled.store(true, ordering: .releasing)
        _ = gate.wait()
    }
}

@Suite struct HoldUpTests {
    /// Two shards of different lanes of two.
    private static func shardsOfTwoLanes() throws -> (Int, Int) {
        let lanes = (0..<16).map { ConsumerState.lane(of: ShardID($0), lanes: 2) }
        return (try #require(lanes.firstIndex(of: 0)), try #require(lanes.firstIndex(of: 1)))
    }

    @Test("a cancellation that does not come back holds up no other lane's")
    func cancelHangs() async throws {
        let redis = try await PrivateRedis.start()
        let (first, second) = try Self.shardsOfTwoLanes()
        let gate = Gate()
        var policy = JobPolicy.quick
        policy.handlerMilliseconds = 100
        policy.handlerGraceMilliseconds = 600_000
        let handlers = Mutex<[StubbornHandler]>([])
        let consumer = try JobConsumer(
            .commission, policy: policy, redis: try RedisConfiguration(url: redis.url), lanes: 2, sink: MemorySink()
        ) { _ in
            let handler = StubbornHandler(gate)
            handlers.withLock { $0.append(handler) }
            return handler
        }
        try consumer.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add([newJob(1, shard: first), newJob(2, shard: second)])
        consumer.setShards(owned(first, second))
        // In `cancel` both of them.
        #expect(
            try await eventually {
                handlers.withLock { $0.count == 2 && $0.allSatisfy { $0.isCancelled.load(ordering: .acquiring) } }
                    && gate.waiting == 2
            })
        gate.open()
        #expect(try await ScratchServer.blocking { consumer.stop(timeoutMilliseconds: 10_000) })
    }

    @Test("a lane that loses its shards while it has a suspect in hand does not keep other lanes from theirs")
    func suspectsOfOthers() async throws {
        let redis = try await PrivateRedis.start()
        let (first, second) = try Self.shardsOfTwoLanes()
        let dead = JobQueue(.commission, on: try redis.connect())
        _ = try dead.add([newJob(1, shard: first), newJob(2, shard: second)])
        #expect(try dead.take(owned(first, second), .upTo(2)).jobs.count == 2)
        let works = try Works.start(redis: redis, lanes: 2) { _, jobs, gate in
            if jobs.contains(where: { $0.id.text == "1" }) { _ = gate.wait() }
            return jobs.map { _ in .done }
        }
        works.consumer.setShards(owned(first))
        #expect(try await eventually { works.gate.waiting == 1 })
        // The lane cannot tell Redis what became of it, and has no shard when it can.
        works.consumer.setShards(owned(second))
        try redis.connect().command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        works.gate.open()
        #expect(try await eventually { works.ledger.count(2) == 1 })
        #expect(try await works.stop())
    }

    @Test("many released jobs are taken one batch after the other, without a pause between them")
    func released() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<2_000).map { try newJob($0) })
        #expect(try queue.release(try queue.take(owned(1), .upTo(2_000)).jobs).count == 2_000)
        var policy = JobPolicy.quick
        policy.batchMax = 5
        let works = try Works.start(redis: redis, policy: policy)
        works.consumer.setShards(owned(1))
        // 400 batches: one a second would take longer than anybody waits here.
        #expect(try await eventually { works.ledger.distinct == 2_000 })
        #expect(try await works.stop())
    }
}
