import ClusterSupport
import Core
import JobQueue
import PostgresClient
import RedisClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct PoisonTests {
        @Test("jobs that are garbage or name no transaction become dead letters; all others are paid")
        func poison() async throws {
            let seed = Chaos.seed("poison jobs")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                let redis = try trial.redis.connect()
                var random = SeededGenerator(seed: seed)
                let queue = JobQueue(.commission, on: redis)
                try trial.awaitFlow(100)
                var garbage = 0
                var strangers = 0
                for round in 0..<(20 * Chaos.rounds) {
                    let shard = ShardID(rawValue: UInt16.random(in: 0..<256, using: &random))
                    let digits = "\(1000 + shard.rawValue)".dropFirst()
                    let stream = "{fature:commission:\(digits)}:s"
                    let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
                    }
                    switch round % 4 {
                    case 0: try redis.command("XADD", .text(stream), "*", "j", .bytes(bytes))
                    case 1: try redis.command("XADD", .text(stream), "*", "other", "field")
                    case 2:
                        let job = try NewJob(JobID("garbage-\(round)"), shard: shard, payload: bytes, enqueuedAtMilliseconds: 0)
                        #expect(try queue.add([job]) == [.added])
                    default:
                        let number = Int64.random(in: 1...1_000_000_000, using: &random) * 1000 + 999_999_000_000_000
                        let job = try NewJob(JobID(number), shard: shard, payload: Array("1".utf8), enqueuedAtMilliseconds: 0)
                        #expect(try queue.add([job]) == [.added])
                    }
                    if round % 4 == 3 { strangers += 1 } else { garbage += 1 }
                    try trial.awaitFlow(10)
                }
                // Their letters have no transaction to be dead: that is what `fature reconcile` says of them.
                try trial.settle("poison", findings: ["letter_without_dead": garbage + strangers])
                let letters = try connection.execute(
                    "SELECT cause, count(*) FROM fature_v2.dead_letter WHERE state = 'dead' GROUP BY cause ORDER BY cause")
                let causes = try (0..<letters.rowCount).map { "\(try letters.text($0, 0)) \(try letters.int($0, 1))" }
                #expect(causes == ["malformed \(garbage)", "unknown_transaction \(strangers)"])
            }
        }
    }
}
