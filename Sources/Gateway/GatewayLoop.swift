import ClusterTLS
import Core
import Frames
import HTTP2
import Logging
import NIOCore
import Ownership
import Telemetry

/// One event loop of the gateway: its requests, its connections to the workers, its view of where everything is.
///
/// A request becomes a slot, the slot's route a frame to the owner of the affiliate's shard, the reply an answer. Nothing here waits, and
/// everything is bounded: slots, frames in flight, look-ups.
final class GatewayLoop: RequestReceiver, @unchecked Sendable {
    // @unchecked: confined to `eventLoop`; others enter through `eventLoop.execute`.
    let eventLoop: any EventLoop
    let configuration: GatewayConfiguration
    let logger: Logger
    let slab: RequestSlab
    /// What each slot's request is about; by slot.
    let requests: UnsafeMutablePointer<RoutedRequest>
    // Confined to the loop and never accessed across a call: no run-time exclusivity checks on the hot path.
    @exclusivity(unchecked) var metrics = RequestMetrics()
    @exclusivity(unchecked) var directory: AffiliateDirectory
    /// What PostgreSQL last said, and who has which shard: by that and by what workers answer.
    var topology = ClusterMap.empty
    @exclusivity(unchecked) var routes = RouteTable()
    var links: [WorkerInstanceID: WorkerLink] = [:]
    /// Connections to workers that own nothing any more, which still owe answers; each with the moment it is closed at the latest.
    var retiring: [WorkerInstanceID: (link: WorkerLink, until: MonotonicNanoseconds)] = [:]
    /// By shard: the connection to the owner that `routes` names; nil where nobody is known, or not how to reach him.
    @exclusivity(unchecked) var shardLinks = [WorkerLink?](repeating: nil, count: ShardID.count)
    /// Requests whose shard is between two owners.
    @exclusivity(unchecked) var parked = ParkedRequests()
    var isRetryScheduled = false
    let locator: LocationQueue
    @exclusivity(unchecked) var gatherings: [UInt64: Gathering] = [:]
    /// Parsed bodies of requests that change something; by token.
    @exclusivity(unchecked) var orders: [UInt64: Order] = [:]
    /// Transactions on their way; by token. Their bytes, and those of the answers they may get.
    @exclusivity(unchecked) var batches: [UInt64: TransactionBatch] = [:]
    @exclusivity(unchecked) var transactionBytesHeld = 0
    @exclusivity(unchecked) var transactionAnswerBytesDue = 0
    /// Bytes of the answers that changes in the ledger may get.
    @exclusivity(unchecked) var ledgerAnswerBytesDue = 0
    /// The programme's, for transactions that name none.
    let currency: Currency
    let body = ByteBuilder(capacity: 64 << 10)
    let journal: AccessJournal
    let service: any GatewayServices
    /// Makes sure of workers.
    let connector: TLSConnector
    @exclusivity(unchecked) private(set) var outBuffer: ByteBuffer
    @exclusivity(unchecked) private var dirtyTransports: [RequestTransport] = []
    @exclusivity(unchecked) private var dirtyLinks: [WorkerLink] = []
    @exclusivity(unchecked) private var isLinkFlushScheduled = false
    private var connections: [ObjectIdentifier: any ClientConnection] = [:]
    private var sweeps = 0
    private var sweeping: RepeatedTask?
    private(set) var isShuttingDown = false
    /// Until then clients that were told to go elsewhere have time to hear it.
    private var noticeEnds: MonotonicNanoseconds = 0

    private static let sweepMilliseconds: Int64 = 25
    /// Connections are looked at once in so many sweeps.
    private static let connectionSweepEvery = 40

    init(
        eventLoop: any EventLoop, configuration: GatewayConfiguration, table: AffiliateDirectoryTable, currency: Currency,
        journal: AccessJournal, service: any GatewayServices, connector: TLSConnector = TLSConnector(), logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.logger = logger
        self.currency = currency
        self.journal = journal
        self.service = service
        self.connector = connector
        slab = RequestSlab(capacity: configuration.requestsPerThreadMax)
        requests = .allocate(capacity: configuration.requestsPerThreadMax)
        requests.initialize(repeating: RoutedRequest(), count: configuration.requestsPerThreadMax)
        directory = AffiliateDirectory(table)
        locator = LocationQueue()
        outBuffer = ByteBufferAllocator().buffer(capacity: 64 << 10)
        super.init()
    }

    deinit { requests.deallocate() }

    /// Begins the sweeps. On the event loop.
    func start() {
        let interval = TimeAmount.milliseconds(Self.sweepMilliseconds)
        // No weak reference: that would send every counting of references to the loop the slow way.
        sweeping = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in self.sweep() }
    }

    /// Ends the sweeps; nothing may be asked of the loop afterwards. On the event loop.
    func stop() {
        sweeping?.cancel()
        sweeping = nil
        for link in Array(links.values) + retiring.values.map(\.link) { link.close() }
        links = [:]
        retiring = [:]
    }

    // MARK: Connections of clients

    func opened(_ connection: any ClientConnection) {
        connections[ObjectIdentifier(connection)] = connection
        if isShuttingDown { connection.shutDown() }
    }

    func closed(_ connection: any ClientConnection) { connections[ObjectIdentifier(connection)] = nil }

    var connectionCount: Int { connections.count }

    /// Whether so many slots are taken that slow clients must not keep theirs for long.
    private var isCrowded: Bool { slab.liveCount > slab.capacity / 4 * 3 }
    /// How long a request may take to arrive whole.
    var requestPatience: MonotonicNanoseconds { isCrowded ? ClientPatience.crowded : ClientPatience.request }
    /// How long an answer may wait to be read.
    var readPatience: MonotonicNanoseconds { isCrowded ? ClientPatience.crowded : ClientPatience.slowReader }

    /// How long a request may take once it is whole.
    var deadlineNanoseconds: MonotonicNanoseconds { UInt64(configuration.deadlineMilliseconds) &* 1_000_000 }

    /// Tells all clients to go elsewhere; a little later, when they have heard, closes what is done.
    func shutDown() {
        isShuttingDown = true
        noticeEnds = monotonicNow() + ClientPatience.notice
        for connection in connections.values { connection.shutDown() }
        eventLoop.scheduleTask(in: .nanoseconds(Int64(ClientPatience.notice))) {
            for connection in self.connections.values { connection.shutDown() }
        }
    }

    private func sweep() {
        let now = monotonicNow()
        for index in 0..<slab.highWater where slab[index].state == .received && requests[index].deadline <= now {
            if respondIfMoved(index) || respondIfBatch(index) || refuseIfParked(index) || respondIfReadiness(index) { continue }
            let isOpen = requests[index].changesSomething && requests[index].attempts > 0
            respond(
                index, isOpen ? .outcomeUnknown : .deadlineExceeded,
                detail: isOpen ? requests[index].route?.repeatAdvice.map { "\($0)" } : nil)
        }
        closeRetired(now)
        sweeps &+= 1
        if sweeps % Self.connectionSweepEvery == 0 {
            for connection in connections.values { connection.sweep(now: now) }
            if isShuttingDown, now >= noticeEnds { for connection in connections.values { connection.shutDown() } }
        }
        flushTransports()
        journal.flush()
    }

    // MARK: Buffers

    /// A channel buffer with a copy of `bytes`. The storage is used again as soon as the channel has let go of it.
    func buffer(of bytes: UnsafeRawBufferPointer) -> ByteBuffer {
        outBuffer.clear(minimumCapacity: bytes.count)
        outBuffer.writeBytes(bytes)
        return outBuffer
    }

    /// Lets `drain` fill `outBuffer`; returns how many bytes it wrote.
    func drainBuffer(atLeast room: Int, _ drain: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        outBuffer.clear(minimumCapacity: room)
        return outBuffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room, drain)
    }

    // MARK: Workers

    /// Begins a frame to `link` for the request in a slot; `write` adds the fields.
    func ask(_ link: WorkerLink, _ operation: Operation, shard: UInt16, slot index: Int, write: (ByteBuilder) -> Void) -> Bool {
        // A request that was not looked up and is sent for the first time has its whole budget, but for what it has waited in this tick.
        var left = UInt64(configuration.deadlineMilliseconds) &* 1000
        if requests[index].attempts > 1 || requests[index].sequence > 0 {
            let now = monotonicNow()
            left = requests[index].deadline > now ? (requests[index].deadline - now) / 1000 : 0
        }
        let start = link.out.beginFrame(
            FrameHeader(code: operation.rawValue, shard: shard, requestID: slab.token(of: index), word: UInt32(clamping: left)))
        write(link.out)
        guard link.out.endFrame(start) else { return false }
        link.inFlightCount += 1
        if !link.isFlushScheduled {
            link.isFlushScheduled = true
            dirtyLinks.append(link)
            if !isLinkFlushScheduled {
                isLinkFlushScheduled = true
                // After all sockets that are ready in this tick have been read: one write for many requests.
                eventLoop.execute { self.flushLinks() }
            }
        }
        return true
    }

    private func flushLinks() {
        isLinkFlushScheduled = false
        let links = dirtyLinks
        dirtyLinks.removeAll(keepingCapacity: true)
        for link in links { link.flush() }
    }

    // MARK: Answers

    /// Answers a request with a body, and records it.
    func respond(
        _ index: Int, status: UInt16, type: BodyType, body: UnsafeRawBufferPointer, extra: ExtraHeader = .none,
        extraValue: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        // A change that is made is told in any case, and room for it was looked for before; everything else only while there is room for answers
        // that nobody reads.
        if status < 300, !requests[index].changesSomething, !slab.canHoldAnswer(bytes: body.count, due: answerBytesDue) {
            respond(index, .overloaded)
            return
        }
        finish(index, status: status)
        slab.setAnswer(index, status: status, type: type, body: body, extra: extra, extraValue: extraValue)
        guard let transport = slab[index].transport?.takeUnretainedValue() else {
            metrics.abandonedRequests &+= 1
            slab.release(index)
            return
        }
        transport.send(slot: index)
        if !transport.isFlushPending {
            transport.isFlushPending = true
            dirtyTransports.append(transport)
        }
    }

    /// Answers a request with a problem.
    func respond(
        _ index: Int, _ problem: Problem, field: String? = nil, detail: String? = nil, transactionID: Int64? = nil
    ) {
        body.removeAll()
        problem.write(
            to: body, requestID: slab.requestID(of: index), field: field, detail: detail, transactionID: transactionID)
        var extra = ExtraHeader.none
        var value: StaticString = ""
        if let seconds = problem.retryAfter {
            extra = .retryAfter
            value = seconds
        } else if problem == .methodNotAllowed, let route = requests[index].route {
            extra = .allow
            value = route.allowedMethods
        }
        respond(
            index, status: problem.status, type: .problem, body: body.bytes, extra: extra,
            extraValue: UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    /// Bytes of the answers that changes under way may get.
    var answerBytesDue: Int { transactionAnswerBytesDue + ledgerAnswerBytesDue }

    private func finish(_ index: Int, status: UInt16) {
        let request = requests[index]
        ledgerAnswerBytesDue -= Int(request.answerBytesDue)
        requests[index].answerBytesDue = 0
        if let link = request.link {
            link.inFlightCount = max(0, link.inFlightCount - 1)
            requests[index].link = nil
        }
        if request.hasSideTable {
            let token = slab.token(of: index)
            for link in gatherings.removeValue(forKey: token)?.waitingLinks ?? [] {
                link.inFlightCount = max(0, link.inFlightCount - 1)
            }
            orders[token] = nil
            if let batch = batches.removeValue(forKey: token) { forget(batch) }
        }
        let now = monotonicNow()
        if request.parkedSince != 0 { leavePark(index, now: now) }
        let elapsed = now &- slab[index].startedAt
        let route = request.route?.name ?? .none
        metrics.record(route: route, method: slab[index].method, status: status, nanoseconds: elapsed)
        journal.note(slab: slab, slot: index, route: route, status: status, nanoseconds: elapsed)
    }

    /// Puts what has been answered onto the connections, one write each.
    func flushTransports() {
        while !dirtyTransports.isEmpty {
            let transports = dirtyTransports
            dirtyTransports.removeAll(keepingCapacity: true)
            for transport in transports {
                transport.isFlushPending = false
                transport.flush()
            }
        }
    }

    /// The counters with the gauges of this moment.
    func snapshot() -> RequestMetrics {
        var copy = metrics
        copy.openConnections = connections.count
        copy.liveRequests = slab.liveCount
        copy.directoryCount = directory.count
        copy.directoryBytes = directory.memoryBytes
        copy.transactionBytesHeld = transactionBytesHeld
        copy.parkedCount = parked.count
        copy.parkedBytes = parked.bytes
        return copy
    }

    /// What this loop has to say for the gateway's report.
    var loadSample: LoadSample { LoadSample(durations: metrics.callersDurations, parkedRequests: parked.count) }

    override func receive(slot: Int) { dispatch(slot) }
}
