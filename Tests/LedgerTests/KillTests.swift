import ClusterSupport
import Core
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct KillTests {
        /// A shorter lease than usual: the time of these tests is spent waiting for its end.
        private static let lease = "FATURE_WORKER_LEASE_MILLISECONDS=1500"

        /// What workers are started with, each to act at a fail point when it has been passed so often.
        private static func arms(_ action: String, passes: ClosedRange<Int>, seed: UInt64) -> [[String]] {
            var random = SeededGenerator(seed: seed)
            let points: [FailPoint] = [
                .intakeBeforeCommit, .intakeAfterCommit, .paymentBeforeCommit, .paymentAfterCommit, .paymentAfterAcknowledgement,
            ]
            return (0..<Chaos.rounds).flatMap { _ in points }.map {
                [lease, "\(FailPoint.variable)=\($0.rawValue)=\(action)@\(Int.random(in: passes, using: &random))"]
            }
        }

        @Test("a worker killed at each fail point, the next one at the next: everything is paid once")
        func killed() async throws {
            let seed = Chaos.seed("a worker killed at each fail point")
            let arms = Self.arms("kill", passes: 1...25, seed: seed)
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, environment: ["worker-1": arms[0]])
            try await TestCluster.blocking {
                let cluster = trial.cluster
                // Two workers in turn: one serves until it dies at its point, the other stands by, armed for the next one.
                for (at, arm) in arms.enumerated() {
                    let standby = "worker-\(2 - at % 2)"
                    try cluster.startWorker(standby, environment: at + 1 < arms.count ? arms[at + 1] : [Self.lease])
                    try trial.awaitDeath("worker-\(at % 2 + 1)")
                    print("killed: \(arm[1])")
                }
                try trial.awaitFlow()
                try trial.settle("killed workers")
            }
        }

        @Test("a worker stopped at each fail point until others have its shards: awake again it neither writes nor pays")
        func stopped() async throws {
            let seed = Chaos.seed("a worker stopped at each fail point")
            // Late enough that whoever takes over is at work for a while before it stops itself.
            let arms = Self.arms("stop", passes: 40...70, seed: seed)
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, environment: ["worker-1": arms[0]])
            try await TestCluster.blocking {
                let cluster = trial.cluster
                let connection = try cluster.connect()
                for (at, arm) in arms.enumerated() {
                    let sleeper = "worker-\(at % 2 + 1)"
                    let standby = "worker-\(2 - at % 2)"
                    try cluster.startWorker(standby, environment: at + 1 < arms.count ? arms[at + 1] : [Self.lease])
                    try trial.awaitStop(sleeper)
                    let before = trial.flow.acknowledgedCount
                    try trial.awaitOwner(standby, connection)
                    try TestCluster.wait("\(standby) accepts") { trial.flow.acknowledgedCount >= before + 10 }
                    cluster.wake(sleeper)
                    try TestCluster.wait("\(sleeper) registers anew") {
                        try connection.execute("SELECT 1 FROM fature_v2.worker_lease WHERE name = $1", [.text(sleeper)]).rowCount
                            == 1
                    }
                    print("stopped: \(arm[1])")
                    cluster.kill(sleeper)
                }
                try trial.awaitFlow()
                try trial.settle("stopped workers")
            }
        }
    }
}
