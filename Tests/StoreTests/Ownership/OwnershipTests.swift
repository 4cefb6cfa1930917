import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct OwnershipTests {
    private static let hour: Int64 = 3_600_000

    private func database() async throws -> TestDatabase {
        let database = try await TestDatabase.create()
        try Schema.migrate(try database.connect())
        return database
    }

    private func register(_ name: String, timeToLive: Int64 = hour, _ connection: PostgresConnection) throws -> WorkerInstanceID {
        let registration = WorkerRegistration(name: name, address: "\(name):7000", capacity: 10, version: "1.0")
        return try WorkerLeases.register(registration, timeToLiveMilliseconds: timeToLive, on: connection)
    }

    private func lead(_ connection: PostgresConnection, as holder: String = "coordinator-1") throws -> Int64 {
        try #require(try CoordinatorLease.acquire(holder: holder, timeToLiveMilliseconds: Self.hour, on: connection))
    }

    private func assignments(_ shards: Range<Int>, _ instance: WorkerInstanceID) -> [ShardAssignment] {
        shards.map { ShardAssignment(shard: ShardID($0), instance: instance) }
    }

    @Test("a worker registers, renews while its lease is there, and releases it once")
    func workerLease() async throws {
        let connection = try await database().connect()
        let first = try register("w1", connection)
        let second = try register("w1", connection)
        #expect(first != second)
        let workers = try OwnershipQueries.workers(on: connection)
        #expect(workers.map(\.instance) == [first, second])
        #expect(workers[0].registration == WorkerRegistration(name: "w1", address: "w1:7000", capacity: 10, version: "1.0"))
        #expect((Self.hour - 60_000...Self.hour).contains(workers[0].leaseMillisecondsLeft))
        #expect(try WorkerLeases.renew(first, timeToLiveMilliseconds: 2 * Self.hour, on: connection))
        #expect(try OwnershipQueries.workers(on: connection)[0].leaseMillisecondsLeft > Self.hour)
        #expect(try WorkerLeases.release(first, on: connection))
        #expect(try !WorkerLeases.release(first, on: connection))
        #expect(try !WorkerLeases.renew(first, timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(throws: PostgresError.self) {
            try WorkerLeases.register(
                WorkerRegistration(name: "", address: "a:1", capacity: 1, version: ""), timeToLiveMilliseconds: 1, on: connection)
        }
    }

    @Test("one coordinator leads at a time, and each take-over has a higher term")
    func coordinatorLease() async throws {
        let connection = try await database().connect()
        let first = try lead(connection, as: "a")
        #expect(try CoordinatorLease.acquire(holder: "b", timeToLiveMilliseconds: Self.hour, on: connection) == nil)
        #expect(try CoordinatorLease.renew(term: first, holder: "a", timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(try !CoordinatorLease.renew(term: first, holder: "b", timeToLiveMilliseconds: Self.hour, on: connection))
        // Runs out at once, but nobody has taken it over: still the leader's.
        #expect(try CoordinatorLease.renew(term: first, holder: "a", timeToLiveMilliseconds: 0, on: connection))
        #expect(try CoordinatorLease.renew(term: first, holder: "a", timeToLiveMilliseconds: 0, on: connection))
        let second = try lead(connection, as: "b")
        #expect(second == first + 1)
        #expect(try !CoordinatorLease.renew(term: first, holder: "a", timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(try !CoordinatorLease.resign(term: first, holder: "a", on: connection))
        #expect(try CoordinatorLease.resign(term: second, holder: "b", on: connection))
        #expect(try lead(connection, as: "c") == second + 1)
    }

    @Test("of eight coordinators at once exactly one takes the free lease")
    func coordinatorRace() async throws {
        let database = try await database()
        let pool = try PostgresPool(configuration: try database.configuration(), connections: 8, pendingMax: 10)
        let terms = try await withThrowingTaskGroup(of: Int64?.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try await pool.withConnection {
                        try CoordinatorLease.acquire(holder: "c\(number)", timeToLiveMilliseconds: Self.hour, on: $0)
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        await pool.shutdown()
        #expect(terms.compactMap { $0 } == [1])
    }

    @Test("an assignment gives free shards to live workers at the next epoch, all of them or none")
    func assign() async throws {
        let connection = try await database().connect()
        let term = try lead(connection)
        let worker = try register("w1", connection)
        let expired = try register("w2", timeToLive: 0, connection)
        let gone = WorkerInstanceID(999)
        #expect(
            try OwnershipQueries.assign(assignments(0..<3, worker), term: term, on: connection) == .assigned(topologyVersion: 1))
        let free = try OwnershipQueries.topology(on: connection)
        let refused: [([ShardAssignment], AssignOutcome)] = [
            (assignments(2..<5, worker), .notFree([ShardID(2)])),
            (
                assignments(3..<4, worker) + assignments(4..<5, expired) + assignments(5..<6, gone),
                .instancesGone([expired, gone])
            ),
        ]
        for (wanted, outcome) in refused { #expect(try OwnershipQueries.assign(wanted, term: term, on: connection) == outcome) }
        #expect(throws: PostgresError.self) {
            try OwnershipQueries.assign(assignments(7..<8, worker) + assignments(7..<8, worker), term: term, on: connection)
        }
        let topology = try OwnershipQueries.topology(on: connection)
        #expect(topology == free)
        #expect(topology.version == 1 && topology.shards.count == 256)
        #expect(topology.shards[2] == Topology.Shard(owner: worker, epoch: Epoch(1), address: "w1:7000"))
        #expect(topology.shards[3] == Topology.Shard(owner: nil, epoch: Epoch(0), address: nil))
    }

    @Test("a coordinator with an old term writes nothing")
    func oldTerm() async throws {
        let connection = try await database().connect()
        let old = try lead(connection, as: "a")
        let worker = try register("w1", connection)
        _ = try register("w2", timeToLive: 0, connection)
        #expect(try CoordinatorLease.resign(term: old, holder: "a", on: connection))
        let term = try lead(connection, as: "b")
        #expect(try OwnershipQueries.assign(assignments(0..<9, worker), term: old, on: connection) == .termLost)
        #expect(try OwnershipQueries.releaseDeadWorkers(term: old, on: connection) == .termLost)
        #expect(try OwnershipQueries.weighedShards(on: connection).allSatisfy { $0.owner == nil && $0.epoch == Epoch(0) })
        #expect(try OwnershipQueries.workers(on: connection).count == 2)
        #expect(try OwnershipQueries.topologyVersion(on: connection) == 0)
        #expect(
            try OwnershipQueries.assign(assignments(0..<9, worker), term: term, on: connection) == .assigned(topologyVersion: 1))
    }

    @Test("a take-over waits for an assignment under way, whose term then was right to its end")
    func termHolds() async throws {
        let database = try await database()
        let leader = try database.connect()
        let rival = try database.connect()
        try rival.executeScript("SET lock_timeout = '50ms'")
        let term = try lead(leader, as: "a")
        let worker = try register("w1", leader)
        // Run out, so that the rival may take it as soon as nobody holds the row.
        #expect(try CoordinatorLease.renew(term: term, holder: "a", timeToLiveMilliseconds: 0, on: leader))
        try leader.transaction {
            let outcome = try OwnershipQueries.assign(assignments(0..<2, worker), term: term, on: leader)
            #expect(outcome == .assigned(topologyVersion: 1))
            let error = #expect(throws: PostgresError.self) {
                try CoordinatorLease.acquire(holder: "b", timeToLiveMilliseconds: Self.hour, on: rival)
            }
            #expect(error?.sqlState == "55P03")
        }
        #expect(try CoordinatorLease.acquire(holder: "b", timeToLiveMilliseconds: Self.hour, on: rival) == term + 1)
    }

    @Test("shards of dead workers are freed, those of the living stay, and the next owner has a higher epoch")
    func deadWorkers() async throws {
        let connection = try await database().connect()
        let term = try lead(connection)
        let living = try register("w1", connection)
        let dying = try register("w2", connection)
        #expect(
            try OwnershipQueries.assign(assignments(0..<4, living) + assignments(4..<8, dying), term: term, on: connection)
                == .assigned(topologyVersion: 1))
        #expect(try OwnershipQueries.releaseDeadWorkers(term: term, on: connection) == .released([], shards: []))
        #expect(try OwnershipQueries.topologyVersion(on: connection) == 1)
        #expect(try WorkerLeases.renew(dying, timeToLiveMilliseconds: 0, on: connection))
        let freed = (4..<8).map { ShardID($0) }
        #expect(try OwnershipQueries.releaseDeadWorkers(term: term, on: connection) == .released([dying], shards: freed))
        #expect(try !WorkerLeases.renew(dying, timeToLiveMilliseconds: Self.hour, on: connection))
        #expect(try OwnershipQueries.topologyVersion(on: connection) == 2)
        #expect(
            try OwnershipQueries.assign(assignments(4..<8, living), term: term, on: connection) == .assigned(topologyVersion: 3))
        let shards = try OwnershipQueries.weighedShards(on: connection)
        #expect(shards[0..<8].map(\.epoch.rawValue) == [1, 1, 1, 1, 2, 2, 2, 2])
        #expect(shards[0..<8].allSatisfy { $0.owner == living })
    }

    @Test("a dead worker whose transaction holds its shards loses its session, then its shards; a living one's goes on")
    func heldFence() async throws {
        let database = try await database()
        let connection = try database.connect()
        let term = try lead(connection)
        let living = try register("w1", connection)
        let dying = try register("w2", connection)
        _ = try OwnershipQueries.assign(assignments(0..<4, living) + assignments(4..<8, dying), term: term, on: connection)
        let asleep = try database.connect()
        let awake = try database.connect()
        let other = try database.connect()
        for (session, name) in [(asleep, "fature worker w2 payments"), (awake, "fature worker w1 payments"), (other, "somebody")]
        {
            _ = try session.execute("SET application_name = '\(name)'")
        }
        for (holder, shard) in [(asleep, 4), (other, 1), (awake, 0)] {
            if holder === awake { #expect(try WorkerLeases.renew(dying, timeToLiveMilliseconds: 0, on: connection)) }
            _ = try holder.execute("BEGIN")
            _ = try holder.execute("SELECT FROM fature_v2.shard WHERE id = $1 FOR SHARE", [.int(Int64(shard))])
        }
        #expect(try OwnershipQueries.releaseDeadWorkers(term: term, on: connection) == .fencesEnded(1))
        let freed = (4..<8).map { ShardID($0) }
        #expect(try OwnershipQueries.releaseDeadWorkers(term: term, on: connection) == .released([dying], shards: freed))
        #expect(throws: PostgresError.self) { try asleep.execute("COMMIT") }
        for living in [awake, other] { _ = try living.execute("COMMIT") }
    }

    @Test("every change of an owner bumps the version and notifies; a leaving worker's shards are free at once")
    func notifications() async throws {
        let database = try await database()
        let connection = try database.connect()
        let listener = try database.connect()
        try listener.listen(OwnershipQueries.notificationChannel)
        let term = try lead(connection)
        let worker = try register("w1", connection)
        _ = try OwnershipQueries.assign(assignments(0..<256, worker), term: term, on: connection)
        #expect(try listener.waitForNotification(timeoutMilliseconds: 5000)?.payload == "1")
        #expect(try WorkerLeases.release(worker, on: connection))
        #expect(try listener.waitForNotification(timeoutMilliseconds: 5000)?.payload == "2")
        let topology = try OwnershipQueries.topology(on: connection)
        #expect(topology.version == 2)
        #expect(topology.shards.allSatisfy { $0.owner == nil && $0.epoch == Epoch(1) && $0.address == nil })
    }

    @Test("a shard weighs as many affiliates as are in it")
    func weights() async throws {
        let connection = try await StoreDatabase.create().connect()
        for id in 1...5 as ClosedRange<Int64> { try connection.join(id, shard: id < 4 ? 200 : 201) }
        let shards = try OwnershipQueries.weighedShards(on: connection)
        #expect(shards[199...202].map(\.affiliates) == [0, 3, 2, 0])
    }
}
