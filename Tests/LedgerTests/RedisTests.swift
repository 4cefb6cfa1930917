import ClusterSupport
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct RedisLossTests {
        @Test("Redis wiped again and again in full flow costs time, not money")
        func flushed() async throws {
            let seed = Chaos.seed("Redis wiped")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                var random = SeededGenerator(seed: seed)
                for _ in 0..<(5 * Chaos.rounds) {
                    try trial.awaitFlow(Int.random(in: 1...300, using: &random))
                    try trial.redis.connect().command("FLUSHALL")
                }
                try trial.settle("wiped Redis")
            }
        }

        @Test("Redis killed and started again in full flow, its log whole or cut: every job is done once")
        func killed() async throws {
            let seed = Chaos.seed("Redis killed")
            let redis = try await PrivateRedis.start(durable: true)
            let trial = try await LedgerTrial.start(seed: seed, redis: redis)
            var random = SeededGenerator(seed: seed)
            for round in 0..<(4 * Chaos.rounds) {
                let count = Int.random(in: 1...300, using: &random)
                let bytes = Int.random(in: 1...2000, using: &random)
                try await TestCluster.blocking { try trial.awaitFlow(count) }
                try await redis.kill()
                if round % 2 == 1 { try redis.cutAppendOnlyFile(bytes: bytes) }
                // Transactions are accepted without Redis too.
                try await TestCluster.blocking { try trial.awaitFlow(50) }
                try await redis.restart()
            }
            try await TestCluster.blocking { try trial.settle("killed Redis") }
        }

        @Test("while Redis has no memory to spare jobs wait in PostgreSQL, and are done when there is room")
        func outOfMemory() async throws {
            let seed = Chaos.seed("Redis out of memory")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                let redis = try trial.redis.connect()
                try trial.awaitFlow()
                try redis.command("CONFIG", "SET", "maxmemory", "1mb")
                try trial.awaitFlow(300)
                // What Redis had taken before is done; what came later stays where it is.
                let unpaid = try trial.unpaidCount(connection)
                #expect(unpaid > 0, "nothing waits for room in Redis")
                try TestCluster.wait("more transactions wait in PostgreSQL") { try trial.unpaidCount(connection) > unpaid + 300 }
                try redis.command("CONFIG", "SET", "maxmemory", "0")
                try trial.settle("Redis out of memory")
            }
        }
    }
}
