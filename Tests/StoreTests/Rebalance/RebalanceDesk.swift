import Core
import Placement
import PostgresClient
import Store
import TestServers
import Testing

/// A database with workers w1, w2, … that own all shards in turn at epoch 1, and a coordinator that leads.
struct RebalanceDesk {
    let database: TestDatabase
    let connection: PostgresConnection
    let workers: [WorkerInstanceID]
    let term: Int64
    static let hour: Int64 = 3_600_000
    static let origin = ChangeOrigin(actor: "tests", requestID: "request-1")

    static func open(workers count: Int = 3) async throws -> RebalanceDesk {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        try Schema.migrate(connection)
        let workers = try (1...count).map { number in
            try WorkerLeases.register(
                WorkerRegistration(name: "w\(number)", address: "w\(number):7000", capacity: 1, version: "1"),
                timeToLiveMilliseconds: hour, on: connection)
        }
        let term = try #require(
            try CoordinatorLease.acquire(holder: "tests", timeToLiveMilliseconds: hour, on: connection))
        let all = (0..<ShardID.count).map { ShardAssignment(shard: ShardID($0), instance: workers[$0 % count]) }
        _ = try OwnershipQueries.assign(all, term: term, on: connection)
        return RebalanceDesk(database: database, connection: connection, workers: workers, term: term)
    }

    /// Keeps a plan of these moves, by shard: each from its owner to a worker (1, 2, …).
    func store(_ moves: [(shard: Int, to: Int)], drained: [String] = []) throws -> Int64 {
        let shards = try OwnershipQueries.weighedShards(on: connection)
        return try RebalancePlans.store(
            NewRebalancePlan(
                weight: .affiliates, limits: RebalanceLimits(), drained: drained,
                topologyVersion: try OwnershipQueries.topologyVersion(on: connection), document: "{}",
                moves: moves.map { shard, to in
                    .init(
                        move: RebalancePlan.Move(
                            shard: ShardID(shard), from: shards[shard].owner ?? WorkerInstanceID(0), to: workers[to - 1],
                            reason: .overload, weight: 5, affiliates: 5), fromEpoch: shards[shard].epoch)
                }), origin: Self.origin, on: connection)
    }

    func apply(_ plan: Int64, _ throttles: RebalanceThrottles = RebalanceThrottles()) throws -> ApplyOutcome {
        try RebalancePlans.apply(plan, throttles: throttles, origin: Self.origin, on: connection)
    }

    func advance(p99: Int64? = nil) throws -> RebalanceExecution.Step {
        try RebalanceExecution.advance(term: term, p99Microseconds: p99, retryMilliseconds: 0, on: connection)
    }

    func state(_ plan: Int64) throws -> StoredRebalancePlan.State {
        try #require(try RebalancePlans.find(plan, on: connection)).state
    }

    func moves(_ plan: Int64) throws -> [String] {
        try RebalancePlans.moves(of: plan, on: connection).map { move in
            "\(move.shard) \(move.state)\(move.failure.map { " \($0)" } ?? "")"
        }
    }

    /// Carries a hand-off through all its states, as its two workers would.
    func handOff(_ move: Int64) throws {
        let row = try connection.execute(
            "SELECT from_instance, to_instance FROM fature_v2.shard_move WHERE move_id = $1", [.int(move)])
        let (from, to) = (try row.int(0, 0), try row.int(0, 1))
        for call in [
            "ready_move(\(move), \(to))", "seal_move(\(move), \(from), 7, 99)", "confirm_move(\(move), \(to), 7, 99)",
            "commit_move(\(move), \(from))",
        ] {
            #expect(try outcome(call) == "applied", "\(call)")
        }
    }

    /// The first column of what a function of the schema answers.
    func outcome(_ call: String) throws -> String {
        try connection.execute("SELECT outcome FROM fature_v2.\(call)").text(0, 0)
    }
}
