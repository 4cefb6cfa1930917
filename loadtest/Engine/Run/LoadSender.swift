import CLinux
import Core
import Glibc
import HTTP2
import LoadPlan
import LoadRecord

/// The sending thread: sends what is due, reads what came, and waits for the next of both.
///
/// A turn gives due requests to connections, writes each connection once, waits in epoll, and reads. Nothing in it waits for an answer.
final class LoadSender {
    private let plan: SenderPlan
    @exclusivity(unchecked) private var times: any PlannedTimes
    @exclusivity(unchecked) private var source: any RequestSource
    private let observer: AnswerObserver?
    private let pool: ConnectionPool
    private let poller: Poller
    private let requests: InFlightRequests
    private let input: UnsafeMutableRawBufferPointer
    @exclusivity(unchecked) private var request = PlannedRequest()
    @exclusivity(unchecked) private var tally: RunTally?

    /// Due, and without a stream; in the order of planned times.
    @exclusivity(unchecked) private var waiting: [Int32] = []
    @exclusivity(unchecked) private var firstWaiting = 0
    /// When the next request is planned; nil: none any more.
    @exclusivity(unchecked) private var upcoming: MonotonicNanoseconds?
    /// Closed loop: when each free place became free.
    @exclusivity(unchecked) private var places: [MonotonicNanoseconds] = []
    @exclusivity(unchecked) private var closedNumber: Int
    @exclusivity(unchecked) private var begin: MonotonicNanoseconds = 0
    @exclusivity(unchecked) private var cpuAtBegin: UInt64 = 0
    @exclusivity(unchecked) private var cpuAtEnd: UInt64?
    @exclusivity(unchecked) private var isStopped = false

    /// Requests that become due within this time leave together: a turn for each would cost more than what it sends.
    private static let turnNanoseconds: UInt64 = 100_000
    /// One turn sends so many at most, so that answers do not wait behind a heap of requests.
    private static let turnRequestsMax = 512
    /// Neighbours that leave in one turn share a write, up to so many.
    private static let writeRequestsMax = 8
    private static let inputBytes = 1 << 18

    init(
        _ plan: SenderPlan, _ target: LoadTarget, times: any PlannedTimes, source: any RequestSource, observer: AnswerObserver?
    ) throws(LoadSetUpError) {
        self.plan = plan
        self.times = times
        self.source = source
        self.observer = observer
        closedNumber = plan.agent
        poller = try Poller()
        requests = InFlightRequests(capacity: plan.maxInFlight)
        input = .allocate(byteCount: Self.inputBytes, alignment: 16)
        _ = set_timer_slack(1)
        _ = set_thread_slice(Self.turnNanoseconds)
        let around = ConnectionSurroundings(
            target: target, address: try SocketAddress(host: target.host, port: target.port), head: RequestHead(target),
            requests: requests, memory: SessionMemory(), poller: poller, tls: target.isTLS ? try TLSLayer.context(target) : nil,
            input: input)
        pool = ConnectionPool(around, count: plan.connections)
        pool.onClosed = { [unowned self] in lose($0, $1) }
    }

    deinit { input.deallocate() }

    var sent: Int { tally?.sent ?? 0 }
    var losses: Int { pool.losses }
    var goAways: Int { pool.goAways }
    /// Of one core, in the measured time.
    var cpuShare: Double {
        let end = cpuAtEnd ?? threadCPU()
        let now = min(monotonicNow(), measuredEnd)
        guard now > measuredBegin else { return 0 }
        return Double(end &- cpuAtBegin) / Double(now - measuredBegin)
    }
    private var measuredBegin: MonotonicNanoseconds { begin + plan.warmUpNanoseconds }
    @exclusivity(unchecked) private(set) var measuredEnd: MonotonicNanoseconds = 0

    // MARK: Before the load

    /// Opens all connections, greetings included.
    func connect() throws(LoadSetUpError) {
        let deadline = monotonicNow() + ConnectionPool.setUpNanoseconds
        while try !pool.isReady() {
            let now = monotonicNow()
            guard now < deadline else {
                throw LoadSetUpError(
                    .unreachable,
                    "\(pool.around.target.url) has not answered within \(ConnectionPool.setUpNanoseconds / 1_000_000_000) s; is it an HTTP/2 server?"
                )
            }
            handleEvents(poller.wait(nanoseconds: min(deadline - now, 100_000_000)))
            flush(monotonicNow())
        }
    }

    /// Answers the server while the start is awaited; returns at `moment`.
    func idle(until moment: MonotonicNanoseconds) {
        while true {
            let now = monotonicNow()
            guard now < moment else { return }
            handleEvents(poller.wait(nanoseconds: moment - now))
            flush(monotonicNow())
        }
    }

    // MARK: The load

    /// - Parameters:
    ///   - begin: when the warm-up begins.
    ///   - order: looked at in every turn.
    ///   - picture: called once a second.
    func run(begin: MonotonicNanoseconds, order: () -> StopOrder, picture: (MonotonicNanoseconds) -> Void) {
        self.begin = begin
        measuredEnd = begin + plan.endNanoseconds
        tally = RunTally(
            operations: plan.operationCount, begin: measuredBegin, nanoseconds: plan.measuredNanoseconds,
            sliceSeconds: plan.sliceSeconds)
        if let count = plan.closedInFlight {
            places = [MonotonicNanoseconds](repeating: begin, count: min(count, requests.capacity))
        } else {
            upcoming = times.next().map { begin + $0 }
        }
        var nextTurn: MonotonicNanoseconds = 0
        var nextSecond = begin + RunTally.windowNanoseconds
        var now = monotonicNow()
        while true {
            switch order() {
            case .none: break
            case .drain: stop(now)
            case .now: return giveUp(now)
            }
            noticePhases(now)
            expire(now)
            sendWaiting(now)
            if now >= nextTurn {
                if plan.closedInFlight != nil { fillPlaces(now) } else { sendDue(now) }
                // In a closed loop nothing becomes due but by answers, and they come in heaps.
                nextTurn = plan.closedInFlight == nil ? now + Self.turnNanoseconds : now
            }
            flush(now)
            if now >= nextSecond {
                picture(now)
                pool.giveUpSlow(now)
                while nextSecond <= now { nextSecond += RunTally.windowNanoseconds }
            }
            guard !isDone else { return noticePhases(monotonicNow()) }
            let retryAt = pool.reopen(now)
            var wake = nextSecond
            if let retryAt { wake = min(wake, retryAt) }
            if requests.head >= 0 {
                wake = min(wake, requests[Int(requests.head)].pointee.planned + plan.timeoutNanoseconds)
            }
            if let upcoming { wake = min(wake, max(upcoming, nextTurn)) }
            if !isStopped, plan.closedInFlight != nil { wake = min(wake, places.isEmpty ? measuredEnd : nextTurn) }
            now = monotonicNow()
            if cpuAtEnd == nil, now < measuredEnd { wake = min(wake, now < measuredBegin ? measuredBegin : measuredEnd) }
            handleEvents(poller.wait(nanoseconds: wake > now ? wake - now : 0))
            now = monotonicNow()
        }
    }

    private var isDone: Bool {
        let isPlanned = plan.closedInFlight == nil ? upcoming == nil : isStopped
        return isPlanned && requests.count == 0 && (isStopped || monotonicNow() >= measuredEnd)
    }

    /// Begin and end of the measured time.
    private func noticePhases(_ now: MonotonicNanoseconds) {
        if cpuAtBegin == 0, now >= measuredBegin { cpuAtBegin = threadCPU() }
        guard cpuAtEnd == nil, now >= measuredEnd else { return }
        cpuAtEnd = threadCPU()
        isStopped = true
    }

    /// Nothing more is planned; what is under way is waited for.
    private func stop(_ now: MonotonicNanoseconds) {
        guard !isStopped else { return }
        isStopped = true
        upcoming = nil
        measuredEnd = max(min(measuredEnd, now), measuredBegin)
        cpuAtEnd = threadCPU()
        tally?.end(at: measuredEnd)
    }

    /// Ends at once: what is under way counts as lost.
    private func giveUp(_ now: MonotonicNanoseconds) {
        stop(now)
        while requests.head >= 0 {
            let index = Int(requests.head)
            end(index, requests[index].pointee.state == .waiting ? .unsent : .lost, now)
        }
    }

    // MARK: Sending

    private func sendDue(_ now: MonotonicNanoseconds) {
        var connection: LoadConnection?
        var room = 0
        for _ in 0..<Self.turnRequestsMax {
            guard let planned = upcoming, planned <= now else { return }
            plan(times.number, planned, now, &connection, &room)
            upcoming = times.next().map { begin + $0 }
        }
    }

    private func fillPlaces(_ now: MonotonicNanoseconds) {
        guard !isStopped else { return }
        var connection: LoadConnection?
        var room = 0
        for planned in places {
            plan(closedNumber, planned, now, &connection, &room)
            closedNumber += plan.agents
        }
        places.removeAll(keepingCapacity: true)
    }

    private func plan(
        _ number: Int, _ planned: MonotonicNanoseconds, _ now: MonotonicNanoseconds, _ connection: inout LoadConnection?,
        _ room: inout Int
    ) {
        source.make(number, into: &request)
        let window = tally.unsafelyUnwrapped.window(of: planned)
        guard !requests.isFull else {
            tally.unsafelyUnwrapped.overflowed(operation: request.operation, window: window, late: now - planned)
            return
        }
        let index = requests.take(planned: planned, number: number)
        let entry = requests[index]
        entry.pointee.operation = Int32(request.operation)
        entry.pointee.shard = Int32(request.shard ?? -1)
        entry.pointee.window = Int32(window)
        tally.unsafelyUnwrapped.planned(operation: request.operation, window: window)
        if room == 0 || connection?.takesRequests != true {
            connection = firstWaiting < waiting.count ? nil : pool.pick()
            room = Self.writeRequestsMax
        }
        room -= 1
        if let connection, submit(index, connection, now) { return }
        entry.pointee.state = .waiting
        entry.pointee.waitsSince = now
        waiting.append(Int32(index))
    }

    /// Gives `request` to a connection. False: that takes no more.
    private func submit(_ index: Int, _ connection: LoadConnection, _ now: MonotonicNanoseconds) -> Bool {
        guard connection.submit(index, request) else {
            pool.settle(connection, now)
            return false
        }
        pool.markDirty(connection)
        if let observer, observer.wantsBody(operation: request.operation, number: requests[index].pointee.number) {
            requests[index].pointee.answer = requests.takeBuffer()
        }
        return true
    }

    /// Requests that waited for a stream, first come, first served.
    private func sendWaiting(_ now: MonotonicNanoseconds) {
        while firstWaiting < waiting.count {
            let index = Int(waiting[firstWaiting])
            guard let connection = pool.pick() else { return dropTaken() }
            let entry = requests[index]
            source.make(entry.pointee.number, into: &request)
            guard submit(index, connection, now) else { continue }
            entry.pointee.waited = now - entry.pointee.waitsSince
            firstWaiting += 1
        }
        waiting.removeAll(keepingCapacity: true)
        firstWaiting = 0
    }

    /// Takes what has left out of a list that never becomes empty.
    private func dropTaken() {
        guard firstWaiting > waiting.count / 2 else { return }
        waiting.removeFirst(firstWaiting)
        firstWaiting = 0
    }

    private func flush(_ now: MonotonicNanoseconds) {
        pool.flush(
            now,
            sent: { index, moment in
                let entry = requests[index]
                entry.pointee.sent = moment
                entry.pointee.state = .sent
                tally?.sent(entry.pointee)
                observer?.sent(operation: Int(entry.pointee.operation), number: entry.pointee.number)
            }, ended: { end($0, now) })
        tally?.notice(inFlight: requests.count, now)
    }

    // MARK: Ends

    private func handleEvents(_ count: Int) {
        for position in 0..<count {
            let event = poller.event(position)
            let connection = LoadConnection.of(token: event.token)
            guard connection.state != .closed else { continue }
            if event.isWritable, connection.becameWritable() { pool.markDirty(connection) }
            if event.isReadable { connection.becameReadable() }
            let now = monotonicNow()
            connection.handOver { end($0, now) }
            pool.settle(connection, now)
        }
    }

    private func end(_ ended: EndedRequest, _ now: MonotonicNanoseconds) {
        let entry = requests[ended.index]
        let status = Int(entry.pointee.operation) * OperationTally.statusEnd + Int(entry.pointee.status)
        end(ended.index, ended.failure ?? plan.outcomes[status], now)
    }

    private func end(_ index: Int, _ outcome: Outcome, _ now: MonotonicNanoseconds) {
        let entry = requests[index]
        tally?.ended(entry.pointee, outcome, now)
        if let observer {
            let hasStatus = outcome.rawValue <= Outcome.failed.rawValue
            let answer = entry.pointee.answer
            observer.answered(
                operation: Int(entry.pointee.operation), number: entry.pointee.number, outcome: outcome,
                status: hasStatus ? Int(entry.pointee.status) : 0,
                body: answer >= 0 ? requests.buffer(answer).bytes : UnsafeRawBufferPointer(start: nil, count: 0))
        }
        requests.release(index)
        if plan.closedInFlight != nil { places.append(now) }
    }

    /// The requests of a connection that is gone.
    private func lose(_ connection: LoadConnection, _ now: MonotonicNanoseconds) {
        let gone = Unmanaged.passUnretained(connection).toOpaque()
        var next = requests.head
        while next >= 0 {
            let index = Int(next)
            next = requests[index].pointee.next
            if requests[index].pointee.connection?.toOpaque() == gone { end(index, .lost, now) }
        }
    }

    /// Ends the requests whose patience is over.
    private func expire(_ now: MonotonicNanoseconds) {
        while requests.head >= 0 {
            let index = Int(requests.head)
            let entry = requests[index]
            guard now >= entry.pointee.planned + plan.timeoutNanoseconds else { return }
            if entry.pointee.state == .waiting {
                if firstWaiting < waiting.count, waiting[firstWaiting] == Int32(index) { firstWaiting += 1 }
                end(index, .unsent, now)
            } else {
                if let connection = entry.pointee.connection?.takeUnretainedValue() {
                    connection.cancel(entry.pointee.stream)
                    pool.markDirty(connection)
                }
                end(index, .timeout, now)
            }
        }
    }

    func write(to record: inout RunRecord, withTimes: Bool) {
        tally?.write(to: &record, now: monotonicNow(), withTimes: withTimes)
    }

    /// Microseconds.
    var slipP99: UInt64 { tally?.slip(quantile: 0.99) ?? 0 }
}

/// Whether a run is to end before its time.
enum StopOrder {
    case none
    /// Nothing more is sent; what is under way is waited for.
    case drain
    case now
}

/// Processor time of the calling thread, nanoseconds.
func threadCPU() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
