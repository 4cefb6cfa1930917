import Core
import HTTP2
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Telemetry

@testable import Gateway

/// One event loop of a gateway, with fake workers behind it and requests put into its slots by hand.
final class TestGateway: Sendable {
    struct Answer: Equatable {
        var status: Int
        var body: String
        var extra: String
    }

    private let group: MultiThreadedEventLoopGroup
    let loop: GatewayLoop
    let services: FakeServices

    /// - Parameter shards: which worker owns which shards at first.
    init(
        _ shards: [(FakeWorker, Range<Int>)], targets: [FakeWorker] = [], deadlineMilliseconds: Int = 20_000, slots: Int = 64
    ) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        services = FakeServices()
        let table = AffiliateDirectoryTable(expected: 1000)
        for id in Int64(1)...512 { _ = table.insert(id, shard: UInt16(id % 256)) }
        loop = GatewayLoop(
            eventLoop: group.next(),
            configuration: GatewayConfiguration(
                databaseURL: "", deadlineMilliseconds: deadlineMilliseconds, requestsPerThreadMax: slots),
            table: table, currency: .brl,
            journal: AccessJournal(mode: .off, writer: LineWriter(descriptor: 2)), service: services,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let loop = loop
        try await loop.eventLoop.submit { loop.start() }.get()
        try await own(shards, targets: targets)
    }

    /// Gives the loop a topology and waits until it is connected to everybody in it.
    /// - Parameter epoch: of all shards; else one that is higher than in all topologies before.
    func own(_ shards: [(FakeWorker, Range<Int>)], targets: [FakeWorker] = [], epoch: Int64? = nil) async throws {
        var map = Self.map(shards, version: try await version() + 1, epoch: epoch)
        map.targets = targets.map(Self.owner)
        let loop = loop
        try await loop.eventLoop.submit { [map] in loop.apply(map) }.get()
        let workers = shards.map(\.0.instance) + targets.map(\.instance)
        while try await !loop.eventLoop.submit({ workers.allSatisfy { loop.link(to: $0)?.isConnected == true } }).get() {
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    func version() async throws -> Int64 {
        let loop = loop
        return try await loop.eventLoop.submit { loop.topology.version }.get()
    }

    static func map(_ shards: [(FakeWorker, Range<Int>)], version: Int64, epoch: Int64? = nil) -> ClusterMap {
        var map = ClusterMap.empty
        map.version = version
        for (worker, range) in shards {
            for shard in range {
                map.owners[shard] = owner(worker)
                map.epochs[shard] = Epoch(epoch ?? version + 1)
            }
        }
        return map
    }

    private static func owner(_ worker: FakeWorker) -> ClusterMap.Owner {
        ClusterMap.Owner(instance: worker.instance, name: "w\(worker.instance)", host: "127.0.0.1", port: worker.port)
    }

    /// Sends a request and waits for its answer.
    /// - Parameter first: done before it, in the same turn of the loop.
    func send(
        _ method: String, _ target: String, _ body: String = "", contentType: String = "application/json",
        after first: (@Sendable (GatewayLoop) -> Void)? = nil
    ) async throws -> Answer {
        let loop = loop
        return try await loop.eventLoop.flatSubmit {
            first?(loop)
            let promise = loop.eventLoop.makePromise(of: Answer.self)
            let transport = HandTransport(slab: loop.slab, promise: promise)
            // A slot does not hold on to its transport.
            promise.futureResult.assumeIsolated().whenComplete { _ in withExtendedLifetime(transport) {} }
            guard let slot = transport.openSlot(stream: 1, now: monotonicNow()) else {
                promise.fail(ChannelError.ioOnClosedChannel)
                return promise.futureResult
            }
            func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
            bytes(method) { loop.slab[slot].method = RequestMethod($0) }
            bytes(target) { loop.slab.setTarget($0, of: slot) }
            bytes(contentType) { loop.slab.setContentType($0, of: slot) }
            bytes("test-request") { loop.slab.setRequestID($0, of: slot) }
            bytes(body) { loop.slab.appendBody($0, of: slot) }
            loop.slab.markReceived(slot, now: monotonicNow())
            loop.receive(slot: slot)
            loop.flushTransports()
            return promise.futureResult
        }.get()
    }

    /// Sends a request whose caller goes away at once.
    func abandon(_ method: String, _ target: String, _ body: String = "") async throws {
        let loop = loop
        try await loop.eventLoop.submit {
            let transport = RequestTransport(slab: loop.slab)
            guard let slot = transport.openSlot(stream: 1, now: monotonicNow()) else { return }
            func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
            bytes(method) { loop.slab[slot].method = RequestMethod($0) }
            bytes(target) { loop.slab.setTarget($0, of: slot) }
            bytes(body) { loop.slab.appendBody($0, of: slot) }
            loop.slab.markReceived(slot, now: monotonicNow())
            loop.receive(slot: slot)
            transport.closeAllSlots()
        }.get()
    }

    /// Waits until it is so in the loop; the test's own time limit ends it.
    func until(_ isSo: @escaping @Sendable (GatewayLoop) -> Bool) async throws {
        while try await !read(isSo) { try await Task.sleep(for: .milliseconds(1)) }
    }

    func post(_ body: String, contentType: String = "application/json") async throws -> Answer {
        try await send("POST", "/api/v2/transactions", body, contentType: contentType)
    }

    /// Something of the loop, read on its thread.
    func read<R: Sendable>(_ body: @escaping @Sendable (GatewayLoop) -> R) async throws -> R {
        let loop = loop
        return try await loop.eventLoop.submit { body(loop) }.get()
    }

    func stop() async throws {
        let loop = loop
        try await loop.eventLoop.submit { loop.stop() }.get()
        try await group.shutdownGracefully()
    }
}

/// Takes the answer of one request.
private final class HandTransport: RequestTransport {
    private let promise: EventLoopPromise<TestGateway.Answer>

    init(slab: RequestSlab, promise: EventLoopPromise<TestGateway.Answer>) {
        self.promise = promise
        super.init(slab: slab)
    }

    override func send(slot: Int) {
        let answer = slab[slot]
        let extra = answer.extraHeader == .none ? "" : String(decoding: slab.extraValue(of: slot), as: UTF8.self)
        promise.succeed(
            TestGateway.Answer(
                status: Int(answer.status), body: String(decoding: answer.answer.bytes, as: UTF8.self), extra: extra))
        closeSlot(slot)
    }
}

/// What a loop asks of the outside, told by a test.
final class FakeServices: GatewayServices {
    struct State {
        /// Nil: the database does not answer.
        var places: [Int64: LocatedShard]? = [:]
        var lookedUp: [Int64] = []
        var refreshes = 0
        var onRefresh: (@Sendable (Int) -> Void)?
        /// What the ledger was asked, and what it answers; nil: nothing.
        var questions: [LedgerQuestion] = []
        var ledger: LedgerAnswer? = .body(status: 200, Array("{}".utf8))
    }

    let state = Mutex(State())

    func locate(_ ids: [Int64], _ done: @escaping @Sendable ([Int64: LocatedShard]?) -> Void) {
        done(
            state.withLock { state in
                state.lookedUp += ids
                return state.places?.filter { ids.contains($0.key) }
            })
    }

    func askLedger(
        _ question: LedgerQuestion, deadline: MonotonicNanoseconds, _ done: @escaping @Sendable (LedgerAnswer) -> Void
    ) {
        let answer = state.withLock { state in
            state.questions.append(question)
            return state.ledger
        }
        if let answer { done(answer) }
    }

    func refreshTopology() {
        let (count, then) = state.withLock { state in
            state.refreshes += 1
            return (state.refreshes, state.onRefresh)
        }
        then?(count)
    }

    func refreshDirectory() {}
    var health: HealthReport { HealthReport() }
    var databaseQueries: [(purpose: String, count: Int)] { [] }
    func collectMetrics(_ done: @escaping @Sendable (RequestMetrics) -> Void) { done(RequestMetrics()) }
}
