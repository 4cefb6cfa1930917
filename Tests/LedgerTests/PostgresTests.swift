import ClusterSupport
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct PostgresLossTests {
        @Test("PostgreSQL killed and started again in full flow: nothing acknowledged is lost, nothing is half written")
        func killed() async throws {
            let seed = Chaos.seed("PostgreSQL killed")
            let server = try await PrivatePostgres.start(durable: true)
            let trial = try await LedgerTrial.start(seed: seed, on: server)
            var random = SeededGenerator(seed: seed)
            for _ in 0..<(3 * Chaos.rounds) {
                let count = Int.random(in: 1...200, using: &random)
                try await TestCluster.blocking { try trial.awaitFlow(count) }
                try await server.kill()
                let refused = trial.flow.tally["503"]
                try await TestCluster.blocking {
                    try TestCluster.wait("transactions are refused") { trial.flow.tally["503"] > refused }
                }
                try await server.restart()
            }
            try await TestCluster.blocking {
                try trial.awaitFlow()
                try trial.settle("killed PostgreSQL")
            }
        }

        @Test("with PostgreSQL's disk full transactions are refused with 503 and not half written; with room again all goes on")
        func diskFull() async throws {
            let seed = Chaos.seed("PostgreSQL's disk full")
            let volume = try SmallVolume(megabytes: 160)
            let server = try await PrivatePostgres.start(on: volume)
            let trial = try await LedgerTrial.start(seed: seed, on: server)
            try await TestCluster.blocking {
                for _ in 0..<Chaos.rounds {
                    try trial.awaitFlow()
                    try volume.fill()
                    // What fits into pages that are there already is still accepted.
                    let refused = trial.flow.tally["503"]
                    try TestCluster.wait("transactions are refused", seconds: 60) { trial.flow.tally["503"] > refused + 200 }
                    #expect(server.log.contains("No space left on device"))
                    try volume.makeRoom()
                    try trial.awaitFlow()
                }
                try trial.settle("full disk")
            }
        }
    }
}
