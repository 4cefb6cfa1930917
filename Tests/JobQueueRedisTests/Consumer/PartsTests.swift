import Core
import JobQueue
import Synchronization
import TestServers
import Testing

@Suite struct PartsTests {
    private func isHeld(_ jobs: [Job]) -> Bool { jobs.contains { $0.id.text == "13" } }

    @Test("one bad job among 500 is found in a few calls, and all others are done")
    func oneBad() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.failuresMax = 0
        let works = try Works.start(redis: redis, policy: policy) { _, jobs, _ in
            if jobs.contains(where: { $0.id.text == "13" }) { throw JobFailure(JobCause("bad"), "no") }
            return jobs.map { _ in .done }
        }
        _ = try works.queue().add((0..<500).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.ledger.distinct == 499 && works.consumer.counters.snapshot.dead == 1 })
        // Of 9 halvings two calls each.
        #expect(works.consumer.counters.snapshot.calls < 30)
        #expect(works.sink.letters.map(\.id.text) == ["13"] && works.consumer.counters.snapshot.failed == 1)
        #expect(try await works.stop())
    }

    @Test(
        "a job whose way is blocked is postponed without a failure, however often; others are done, and it is when the way is free"
    )
    func blocked() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.failuresMax = 0
        policy.postponementCapMilliseconds = 20
        let isBlocked = Mutex(true)
        let works = try Works.start(redis: redis, policy: policy) { _, jobs, _ in
            if jobs.contains(where: { $0.id.text == "13" }), isBlocked.withLock({ $0 }) {
                throw HandlerUnavailable("a row is locked", reach: .someJobs)
            }
            return jobs.map { _ in .done }
        }
        _ = try works.queue().add((0..<500).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.ledger.distinct == 499 && works.consumer.counters.snapshot.postponed >= 20 })
        let found = try works.queue().find(JobID(13), in: ShardID(1))?.job
        #expect(found?.failures == 0 && found?.crashes == 0 && found?.postponements ?? 0 > 0)
        #expect(found?.lastCause == .blocked && found?.lastError == "a row is locked")
        isBlocked.withLock { $0 = false }
        #expect(try await eventually { works.ledger.count(13) == 1 && works.consumer.counters.snapshot.done == 500 })
        let counts = works.consumer.counters.snapshot
        #expect(counts.failed == 0 && counts.dead == 0 && works.sink.letters.isEmpty)
        #expect(try works.stats(1).allSatisfy { $0.known + $0.delayed + $0.waiting + $0.pending == 0 })
        #expect(try await works.stop())
    }

    @Test(
        "when every job's way is blocked the lane gives up after some calls and waits; no failure is counted, and all are done later"
    )
    func allBlocked() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.failuresMax = 0
        let state = Mutex((isBlocked: true, calls: 0, callsAtPause: 0))
        let works = try Works.start(redis: redis, policy: policy) { _, jobs, _ in
            let isBlocked = state.withLock { state in
                state.calls += 1
                return state.isBlocked
            }
            if isBlocked { throw HandlerUnavailable("the table is locked", reach: .someJobs) }
            return jobs.map { _ in .done }
        }
        _ = try works.queue().add((0..<500).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.has { if case .handlerUnavailable = $0 { true } else { false } } })
        // 500 jobs one by one would have been as many.
        #expect(state.withLock { $0.calls } < 100)
        state.withLock { $0.isBlocked = false }
        #expect(try await eventually { works.ledger.distinct == 500 && works.consumer.counters.snapshot.done == 500 })
        #expect(works.consumer.counters.snapshot.failed == 0)
        #expect(try await works.stop())
    }

    @Test(
        "when a shard leaves while a batch goes in parts, the rest is given back after the call at work, and nothing is counted")
    func leaves() async throws {
        let redis = try await PrivateRedis.start()
        let state = Mutex<(consumer: JobConsumer?, calls: Int)>((nil, 0))
        let works = try Works.start(redis: redis, policy: .quick) { _, _, _ in
            let consumer = state.withLock { state in
                state.calls += 1
                return state.consumer
            }
            consumer?.setShards(owned(2))
            throw HandlerUnavailable("a row is locked", reach: .someJobs)
        }
        state.withLock { $0.consumer = works.consumer }
        _ = try works.queue().add((0..<500).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { state.withLock { $0.calls } > 0 && works.consumer.hasLetGo(of: ShardID(1)) })
        #expect(state.withLock { $0.calls } == 1)
        #expect(try await works.stop())
        let counts = works.consumer.counters.snapshot
        #expect(counts.failed + counts.crashed + counts.postponed + counts.dead == 0)
        let left = try works.stats(1)[0]
        #expect(left.waiting + left.pending == 500 && left.known + left.delayed == 0, "\(left)")
    }

    @Test("jobs that were tried before are handled in small groups of their own")
    func apart() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<50).map { try newJob($0) })
        var random = SystemRandomNumberGenerator()
        let tried = try queue.take(owned(1), .upTo(50)).jobs.enumerated().map { index, job in
            FailedJob(job, cause: .timedOut, error: "", isFailure: index % 2 == 0)
        }
        let answers = try queue.retry(tried, epochs: [ShardID(1): Epoch(1)], policy: .quick, using: &random)
        #expect(answers.count == 50)
        #expect(try queue.promoteDue([ShardID(1)], aheadMilliseconds: 1_000_000) == 50)
        _ = try queue.add((50..<250).map { try newJob($0) })
        let batches = Mutex<[[Int]]>([])
        let works = try Works.start(redis: redis) { _, jobs, _ in
            batches.withLock { $0.append(jobs.map { $0.failures + $0.postponements }) }
            return jobs.map { _ in .done }
        }
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.ledger.distinct == 250 })
        #expect(try await works.stop())
        let all = batches.withLock { $0 }
        #expect(all.allSatisfy { Set($0).count == 1 })
        #expect(all.filter { $0.first == 1 }.allSatisfy { $0.count <= JobPolicy.quick.triedMax })
        #expect(all.filter { $0.first == 1 }.reduce(0) { $0 + $1.count } == 50)
        #expect(try queue.stats([ShardID(1)])[0].known == 0)
    }
}
