import Foundation
import TestServers
import Testing

@Suite struct QueueFuzzTests {
    private static func setting(_ name: String) -> UInt64? { ProcessInfo.processInfo.environment[name].flatMap(UInt64.init) }

    /// FATURE_QUEUE_SEED runs one seed alone; FATURE_QUEUE_SEEDS says how many, FATURE_QUEUE_STEPS how far.
    @Test("after every random step Redis holds what the model in memory says")
    func model() async throws {
        let redis = try await PrivateRedis.start()
        let steps = Int(Self.setting("FATURE_QUEUE_STEPS") ?? 300)
        let first = Self.setting("FATURE_QUEUE_SEED")
        let seeds = first.map { $0...$0 } ?? 1...(Self.setting("FATURE_QUEUE_SEEDS") ?? 12)
        for seed in seeds {
            try redis.connect().command("FLUSHALL")
            do {
                var fuzzer = try QueueFuzzer(redis: redis, seed: seed)
                try fuzzer.run(steps: steps)
            } catch {
                Issue.record("FATURE_QUEUE_SEED=\(seed): \(error)")
                return
            }
        }
    }
}
