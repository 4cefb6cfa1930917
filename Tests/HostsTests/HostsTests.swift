import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

@Suite("This machine and hosts")
struct MachineTests {
    @Test(
        "hosts of network namespaces can be made here; where rights or the kernel are against it, tests that need them are left out and this one says why"
    )
    func able() {
        guard let obstacle = HostCluster.obstacle else { return }
        // What can be installed has to be.
        if obstacle.isProgramMissing {
            Issue.record("\(obstacle.words)")
        } else {
            withKnownIssue("no tests on several hosts") { Issue.record("\(obstacle.words)") }
        }
    }
}

@Suite("Several hosts", .serialized, .enabled(if: HostCluster.obstacle == nil))
struct HostsTests {
    /// A dead owner's shards are served elsewhere within so long.
    private static let takeOverMax = Duration.seconds(5)
    /// A gateway's deadline: who was on the way when something broke learns of it so much later at most.
    private static let deadline = Duration.milliseconds(2000)
    /// After a link is back, its ends find each other within so long.
    private static let reconnectMax = Duration.seconds(3)

    /// Does something to a cluster under load, and lets it go on until the time is over in which requests may fail.
    private static func during(
        _ what: String, _ load: HostLoad, window: Duration, isQuietBefore: Bool = true, _ fault: () throws -> Void
    ) throws -> [HostLoad.Failure] {
        load.letPass(seconds: 1)
        let before = load.takeFailures()
        #expect(!isQuietBefore || before.isEmpty, "before \(what): \(before.prefix(5).map(\.description))")
        let began = ContinuousClock.now
        try fault()
        load.letPass(seconds: Double((window + deadline) / .milliseconds(1)) / 1000 + 1)
        let failures = load.takeFailures()
        let stray = failures.filter { isQuietBefore && $0.ended < began || $0.began > began + window }.map(\.description)
        #expect(stray == [], "\(what), outside of its window")
        let first = failures.map { $0.began - began }.min() ?? .zero
        let last = failures.map { $0.ended - began }.max() ?? .zero
        print("\(what): \(failures.count) failed of \(load.answers), from \(first) to \(last)")
        return failures
    }

    @Test("the leading coordinator is killed and nobody notices; then a worker is, and its shards are back within 5 s")
    func kills() async throws {
        let cluster = try await HostCluster.start(seed: 71)
        try await TestCluster.blocking {
            let connection = try cluster.connect()
            let load = try HostLoad(cluster)
            let leader = try cluster.leader
            let failed = try Self.during("killed leader \(leader)", load, window: .zero) { try cluster.run("kill", leader) }
            #expect(failed.isEmpty, "\(failed.prefix(5))")
            try TestCluster.wait("the other one leads") { try cluster.leader == (leader == "c1" ? "c2" : "c1") }

            let lost = try cluster.shards(of: "w2", connection)
            let failures = try Self.during("killed worker w2", load, window: Self.takeOverMax) { try cluster.run("kill", "w2") }
            #expect(failures.allSatisfy { lost.contains($0.shard) }, "\(failures.filter { !lost.contains($0.shard) }.prefix(5))")
            #expect(!failures.isEmpty)
            #expect(try cluster.shards(of: "w1", connection).count == 256)
            try load.finish()
        }
    }

    @Test("a worker's link to PostgreSQL is cut, in each direction and in both: others take over, and nothing stale is answered")
    func databaseLinks() async throws {
        let cluster = try await HostCluster.start(seed: 72)
        try await TestCluster.blocking {
            let connection = try cluster.connect()
            let load = try HostLoad(cluster)
            // Each time the worker that has lost its shards comes back and stands by for the next.
            for (worker, from, to, bothWays) in [
                ("w2", "w2", "db", false), ("w1", "db", "w1", false), ("w2", "w2", "db", true),
            ] {
                let what = "\(from) → \(to)\(bothWays ? " and back" : "")"
                let heir = worker == "w1" ? "w2" : "w1"
                let lost = try cluster.shards(of: worker, connection)
                let failures = try Self.during("cut \(what)", load, window: Self.takeOverMax) {
                    try cluster.cut(from, to, bothWays: bothWays)
                }
                #expect(failures.allSatisfy { lost.contains($0.shard) }, "\(what): others than the cut worker's shards failed")
                #expect(try cluster.shards(of: heir, connection).count == 256, "\(what)")
                let healed = try Self.during("healed \(what)", load, window: .zero) { try cluster.heal() }
                #expect(healed.isEmpty, "\(what): \(healed.prefix(5))")
                try TestCluster.wait("\(worker) registers anew") {
                    try connection.execute(
                        "SELECT 1 FROM fature_v2.worker_lease WHERE name = $1 AND expires_at > clock_timestamp()", [.text(worker)]
                    ).rowCount == 1
                }
            }
            try load.finish()
        }
    }

    @Test(
        "a link between a gateway and a worker is cut, in each direction and in both: only what goes over it fails, and soon after it is back all is well"
    )
    func workerLinks() async throws {
        let cluster = try await HostCluster.start(seed: 73)
        try await TestCluster.blocking {
            let connection = try cluster.connect()
            let load = try HostLoad(cluster)
            let behind = try cluster.shards(of: "w2", connection)
            for (from, to, bothWays) in [("g1", "w2", false), ("w2", "g1", false), ("g1", "w2", true)] {
                let what = "\(from) → \(to)\(bothWays ? " and back" : "")"
                load.letPass(seconds: 1)
                #expect(load.takeFailures().isEmpty, "before the cut \(what)")
                try cluster.cut(from, to, bothWays: bothWays)
                load.letPass(seconds: 5)
                let cut = load.takeFailures()
                #expect(!cut.isEmpty, "\(what)")
                #expect(cut.allSatisfy { $0.gateway == "g1" && behind.contains($0.shard) }, "\(what): \(cut.prefix(5))")
                // The link is found dead: then its requests are refused at once, instead of each waiting for its deadline.
                let prompt = cut.filter { $0.ended - $0.began < Self.deadline / 4 }.count
                #expect(prompt > cut.count / 2, "\(what): \(prompt) of \(cut.count) were refused at once")
                let failures = try Self.during("healed \(what)", load, window: Self.reconnectMax, isQuietBefore: false) {
                    try cluster.heal()
                }
                #expect(failures.allSatisfy { $0.gateway == "g1" && behind.contains($0.shard) }, "\(what): \(failures.prefix(5))")
            }
            #expect(try cluster.shards(of: "w2", connection) == behind)

            // Only late, and nothing fails.
            let slowed = try Self.during("w2 slowed", load, window: .zero) { try cluster.slow("w2", milliseconds: 40) }
            #expect(slowed.isEmpty, "\(slowed.prefix(5))")
            try cluster.heal()
            try load.finish()
        }
    }
}
