import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

extension ClusterTests {
    @Suite(.serialized) struct DatabaseOutageTests {
        /// Longest time without a right answer that is accepted, beyond the time that PostgreSQL itself was away.
        private static let recoveryMillisecondsMax = 3000.0

        /// The trust window less one interval between renewals, and some time for the renewal after the outage.
        private static let withinTrustMilliseconds = 1500.0

        enum Outage: String, CaseIterable, CustomStringConvertible {
            case restart = "a fast restart"
            case crash = "a crash"
            case longerThanLeases = "an outage longer than all leases"
            var description: String { rawValue }
        }

        @Test("reads and writes survive PostgreSQL's absence", arguments: Outage.allCases)
        func outage(_ outage: Outage) async throws {
            let server = try await PrivatePostgres.start(durable: true)
            let cluster = try await TestCluster.start(affiliates: 800, seed: 51, on: server)
            let watch = try await TestCluster.blocking { try Watch(cluster, victim: nil) }
            try await TestCluster.blocking { Thread.sleep(seconds: 1) }
            let began = ContinuousClock.now
            switch outage {
            case .restart: try await server.restart()
            case .crash:
                try await server.kill()
                try await server.restart()
            case .longerThanLeases:
                try await server.stop()
                try await TestCluster.blocking { Thread.sleep(seconds: 5) }
                try await server.restart()
            }
            let away = (ContinuousClock.now - began) / .milliseconds(1)
            try await TestCluster.blocking {
                watch.victimIsDown()
                try TestCluster.wait("reads are answered") { watch.isBack }
                let back = (ContinuousClock.now - began) / .milliseconds(1) - away
                let joined = watch.writes["201"]
                try TestCluster.wait("joins are answered") { watch.writes["201"] > joined + 20 }
                Thread.sleep(seconds: 2)
                try watch.finish()
                let loads = ["worker-1", "worker-2"].map { cluster.log($0).components(separatedBy: "shards loaded").count - 1 }
                print(
                    "\(outage): PostgreSQL away \(Int(away)) ms, reads back \(Int(back)) ms after it, longest gap "
                        + "\(Int(watch.longestGapMilliseconds)) ms, loads \(loads); \(watch.summary)")
                #expect(watch.longestGapMilliseconds < away + Self.recoveryMillisecondsMax)
                let refusals: Set = [
                    "503 shard-unavailable", "503 outcome-unknown", "503 database-unavailable", "503 overloaded",
                    "504 deadline-exceeded",
                ]
                #expect(watch.reads.kinds.isSubset(of: refusals.union(["200"])), "\(watch.summary)")
                #expect(watch.writes.kinds.isSubset(of: refusals.union(["201"])), "\(watch.summary)")
                if away < Self.withinTrustMilliseconds {
                    // Within the trust window nothing is lost from memory, and nothing has to be loaded.
                    #expect(watch.reads.kinds == ["200"], "\(watch.summary)")
                    #expect(loads.allSatisfy { $0 == 1 }, "\(loads)")
                }
                #expect(loads.allSatisfy { $0 <= 4 }, "\(loads)")
                #expect(try cluster.differences() == [])
            }
        }
    }
}
