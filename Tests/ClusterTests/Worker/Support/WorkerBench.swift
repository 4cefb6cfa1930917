import ClusterSupport
import Core
import Foundation
import Frames
import NIOCore
import NIOPosix
import Ownership
import PostgresClient
import Store
import TestServers

@testable import Worker

/// A worker's event loop with all that decides about its shards, on a database of its own and without a process around it: the test says who owns
/// what, and what a gateway sends.
final class WorkerBench: @unchecked Sendable {
    // @unchecked: confined to the loop's event loop once made.
    struct Answer: Sendable {
        var outcome: Outcome
        var word: UInt32
        var fields: [UInt8]

        /// The receipt of the only transaction of a frame.
        var receipt: TransactionReceipt? {
            fields.withUnsafeBytes { raw in
                var reader = FieldReader(raw)
                return TransactionReceipt(from: &reader)
            }
        }
    }

    static let instance = WorkerInstanceID(1)

    let database: TestDatabase
    let loop: WorkerLoop
    let steward: ShardSteward
    let payments = PretendedPayments()
    let recorder = LogRecorder()
    let pools: ShardSteward.Pools
    /// Whose centre is `TestNetwork.starCentre`.
    let star: Int
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let gateway: GatewayConnection
    private var requests: UInt64 = 0
    private var answers: [UInt64: Answer] = [:]

    /// - Parameter proxyPort: where catch-ups, then on one connection, are to reach PostgreSQL.
    static func start(catchUpsAt proxyPort: Int? = nil) async throws -> WorkerBench {
        let database = try await TestDatabase.create()
        return try await TestCluster.blocking {
            let connection = try database.connect()
            try Schema.migrate(connection)
            try TestNetwork.fill(connection, affiliates: 100, seed: 3)
            _ = try connection.execute("UPDATE fature_v2.shard SET owner = 1, epoch = 1")
            return try WorkerBench(database, catchUpsAt: proxyPort)
        }
    }

    private init(_ database: TestDatabase, catchUpsAt proxyPort: Int?) throws {
        self.database = database
        func pool(_ purpose: String, _ connections: Int, port: Int? = nil) throws -> PostgresPool {
            let url = database.url
            return try PostgresPool(
                configuration: try PostgresConfiguration(
                    url: port.map { url.replacingOccurrences(of: ":\(database.server.port)/", with: ":\($0)/") } ?? url,
                    applicationName: "fature worker bench \(purpose)"), connections: connections, pendingMax: 256)
        }
        pools = .init(
            load: try pool("load", LoadLine.placesMax[0]), ahead: try pool("load ahead", 1), write: try pool("write", 2),
            wide: try pool("moves", 2),
            catchUp: try pool("catch-ups", proxyPort == nil ? CatchUpLine.placesMax[0] : 1, port: proxyPort),
            intake: try pool("intake", 1), moves: try pool("hand-offs", 2), follow: try pool("follow", 1))
        loop = WorkerLoop(eventLoop: group.next(), currency: "BRL", logger: recorder.logger)
        steward = ShardSteward(loop: loop, pools: pools, ledger: payments, logger: recorder.logger)
        gateway = GatewayConnection(loop: loop)
        star = Int(
            try database.connect().execute(
                "SELECT shard_id FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1", [.int(TestNetwork.starCentre)]
            ).int(0, 0))
        try onLoop {
            self.loop.steward = self.steward
            self.loop.opened(self.gateway)
            var window = TrustWindow(timeToLiveMilliseconds: 3_600_000)
            window.renewed(attemptStarted: monotonicNow())
            self.loop.trust(window)
        }
    }

    func stop() async throws {
        try await TestCluster.blocking {
            try self.onLoop {
                self.steward.stopLooking()
                self.steward.end()
                _ = self.steward.stopLoads()
                self.loop.intake?.close()
            }
        }
        for pool in [pools.load, pools.ahead, pools.write, pools.wide, pools.catchUp, pools.intake, pools.moves, pools.follow] {
            await pool.shutdown()
        }
        try await group.shutdownGracefully()
    }

    func onLoop<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws -> R { try loop.eventLoop.submit(body).wait() }

    func connect() throws -> PostgresConnection { try database.connect() }

    // MARK: Ownership

    func begin(as instance: WorkerInstanceID = instance) throws { try onLoop { self.steward.begin(as: instance) } }

    /// Says that the topology names an owner of a shard.
    func say(_ shard: Int, isOf owner: WorkerInstanceID = instance, at epoch: Int64 = 1) throws {
        try onLoop {
            let seat = self.loop.seat(ShardID(shard))
            self.steward.tell(seat) { $0.topology(owner: owner, epoch: Epoch(epoch), now: monotonicNow()) }
        }
    }

    func state(_ shard: Int) throws -> ShardDuty.State { try onLoop { self.loop.seat(ShardID(shard)).duty.state } }

    /// Has the worker own a shard and waits until it serves it.
    func own(_ shard: Int) throws {
        try say(shard)
        try waitUntilServed(shard)
    }

    func waitUntilServed(_ shard: Int, at epoch: Int64 = 1) throws {
        try TestCluster.wait("shard \(shard) is served at \(epoch)") { try self.state(shard) == .serving(Epoch(epoch)) }
    }

    // MARK: Moves

    /// Orders a move of a shard to an instance that is not there; its writes are held for as long as it takes.
    func order(_ shard: Int, _ connection: PostgresConnection) throws -> MoveID {
        MoveID(
            try connection.execute(
                """
                INSERT INTO fature_v2.shard_move (
                    shard_id, from_instance, to_instance, from_epoch, term, deadline, hold_milliseconds_max)
                VALUES ($1, 1, 2, 1, 1, clock_timestamp() + interval '1 hour', 3000000) RETURNING move_id
                """, [.int(Int64(shard))]
            ).int(0, 0))
    }

    /// As the target would.
    func write(_ move: MoveID, _ write: MoveWrite, _ connection: PostgresConnection) throws {
        let outcome = try ShardMoveQueries.write(move, write, by: WorkerInstanceID(2), on: connection)
        guard case .applied = outcome else { throw TestServerError("\(write) was not applied: \(outcome)") }
    }

    /// The source's part in a move of this shard, once it is as it should be.
    @discardableResult
    func source(_ shard: Int, _ what: String, is isSo: (HandoffSource.State) -> Bool) throws -> HandoffSource.State {
        var found: HandoffSource.State?
        try TestCluster.wait("the source of shard \(shard) is \(what)") {
            guard case .handingOff(_, let source) = try self.state(shard) else { return false }
            found = source.state
            return isSo(source.state)
        }
        guard let found else { throw TestServerError("shard \(shard) is not handed off") }
        return found
    }

    // MARK: What gateways send

    /// Sends a frame, and gives its number.
    func send(
        _ operation: Frames.Operation, _ shard: Int, milliseconds: UInt32 = 30_000,
        _ fields: @escaping @Sendable (ByteBuilder) -> Void
    ) throws -> UInt64 {
        try onLoop {
            self.requests += 1
            let number = operation == .accept ? ShardSet.allShards : UInt16(shard)
            let frame = ByteBuilder()
            let start = frame.beginFrame(
                FrameHeader(
                    code: operation.rawValue, shard: number, requestID: self.requests, word: milliseconds * 1000))
            fields(frame)
            frame.endFrame(start)
            var scanner = FrameScanner(frame.bytes)
            guard let (header, reader) = try scanner.next() else { throw TestServerError("no frame") }
            self.loop.serve(header, reader, from: self.gateway, now: monotonicNow())
            return self.requests
        }
    }

    func sendJoin(_ externalID: String, under parent: Int64 = TestNetwork.starCentre) throws -> UInt64 {
        let order = JoinOrder(
            origin: ChangeOrigin(actor: "tests"), sequence: 0, affiliate: nil, parent: AffiliateID(parent), status: .active,
            profile: AffiliateProfile(externalID: externalID, name: "N", registrationMicroseconds: 5))
        return try send(.join, star) { order.write(to: $0) }
    }

    func sendRead(ofChange sequence: ChangeSequence = 0, milliseconds: UInt32 = 30_000) throws -> UInt64 {
        let question = AffiliateQuestion(sequence: sequence, affiliate: AffiliateID(TestNetwork.starCentre))
        return try send(.affiliate, star, milliseconds: milliseconds) { question.write(to: $0) }
    }

    func sendTransaction(_ externalID: String, of affiliate: Int64, milliseconds: UInt32 = 30_000) throws -> UInt64 {
        let shard = UInt16(star)
        return try send(.accept, star, milliseconds: milliseconds) { frame in
            guard let currency = Array("BRL".utf8).withUnsafeBytes({ Currency($0) }) else { return }
            let facts = ByteBuilder()
            var text = externalID
            text.withUTF8 { id in
                facts.appendTransactionFacts(
                    affiliate: affiliate, type: .deposit, amountMinor: 1000, winningsMinor: 0,
                    eligibility: TransactionOrder.eligibilityAsUsual, dateMicroseconds: 0, currency: currency,
                    externalID: UnsafeRawBufferPointer(id), metadata: nil)
            }
            frame.appendInteger(UInt32(1))
            frame.appendTransactionOrder(shard: shard, sequence: 0, facts: facts.bytes)
        }
    }

    /// The answer to a frame, if there is one by now.
    func answer(_ request: UInt64) throws -> Answer? {
        try onLoop {
            var scanner = FrameScanner(self.gateway.out.bytes)
            while let (header, reader) = try scanner.next() {
                var fields = reader
                guard let outcome = Outcome(rawValue: header.code) else { throw TestServerError("outcome \(header.code)") }
                self.answers[header.requestID] = Answer(outcome: outcome, word: header.word, fields: Array(fields.rest()))
            }
            self.gateway.out.removeAll()
            return self.answers[request]
        }
    }

    func awaitAnswer(_ request: UInt64) throws -> Answer {
        var found: Answer?
        try TestCluster.wait("request \(request) is answered") {
            found = try self.answer(request)
            return found != nil
        }
        guard let found else { throw TestServerError("no answer") }
        return found
    }

    // MARK: PostgreSQL

    /// Has all connections of a pool stand still while something happens.
    func whileBusy(_ pool: PostgresPool, _ connections: Int, _ body: () throws -> Void) throws {
        let blocker = try connect()
        _ = try blocker.execute("SELECT pg_advisory_lock(77)")
        defer { blocker.close() }
        for _ in 0..<connections {
            Task { try await pool.withConnection { _ = try $0.execute("SELECT pg_advisory_xact_lock_shared(77)") } }
        }
        try awaitWaiters(connections, "locktype = 'advisory'", blocker)
        try body()
    }

    /// Has every load of shards stand still while something happens, which can wait until so many loads stand.
    func whileLoadsStand(_ body: (_ awaitLoads: (Int) throws -> Void) throws -> Void) throws {
        let blocker = try connect()
        try blocker.transaction {
            _ = try blocker.execute("LOCK TABLE fature_v2.affiliates_optimized IN ACCESS EXCLUSIVE MODE")
            try body { try awaitWaiters($0, "locktype = 'relation'", blocker) }
        }
    }

    /// Sends a join under the star's centre and returns what became of it.
    func join(_ externalID: String) throws -> Outcome { try awaitAnswer(try sendJoin(externalID)).outcome }

    /// Waits until so many sessions of this database wait for a lock.
    func awaitWaiters(_ count: Int, _ condition: String, _ connection: PostgresConnection) throws {
        try TestCluster.wait("\(count) sessions wait for a lock") {
            try connection.execute(
                """
                SELECT count(DISTINCT pid) FROM pg_locks
                WHERE NOT granted AND \(condition) AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """
            ).int(0, 0) == Int64(count)
        }
    }
}
