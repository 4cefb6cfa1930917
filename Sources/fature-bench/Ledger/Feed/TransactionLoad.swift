import Core
import LoadCheck
import Telemetry

/// Sends transactions in batches, either as many as the cluster pays (closed loop) or at planned times (open loop).
///
/// A transaction that was neither accepted nor refused for good is sent again with the same external id until it is.
final class TransactionLoad: LoadDriver, LoadReceiver {
    enum Pace {
        /// So many requests under way, as long as fewer transactions wait for their commissions than the gauge's limit.
        case closed(inFlight: Int, gauge: WaitingGauge?, waitingMax: Int)
        /// So many transactions a second, whatever the answers do.
        case open(perSecond: Int)
    }

    private struct Request {
        var numbers: [Int]
        /// When it was to be sent; a closed loop plans for now.
        var plannedAt: MonotonicNanoseconds
        var isRetry: Bool
    }

    private(set) var connections: [LoadConnection] = []
    private let feed: TransactionFeed
    private let book: NumberBook
    private let pace: Pace
    private let batch: Int
    private let nanoseconds: UInt64
    /// Ends the load earlier: so many transactions.
    private let countMax: Int
    private var requests: [Request?] = []
    private var freeTickets: [Int] = []
    private var toRetry: [Int] = []
    private var retryAt: MonotonicNanoseconds = 0
    private var startedAt: MonotonicNanoseconds = 0
    private var plannedCount = 0
    private var begun = 0
    private var nextConnection = 0
    private var statuses: [Int] = []
    private(set) var tally = LoadTally()

    private static let path = "/api/v2/transactions"
    private static let retryNanoseconds: UInt64 = 100_000_000
    /// How long after its end a load waits for answers.
    private static let patienceNanoseconds: UInt64 = 30_000_000_000
    /// How often a closed loop looks whether it may go on.
    private static let closedTurnNanoseconds: UInt64 = 20_000_000
    /// Requests an open loop lets wait for answers; beyond it what is planned is late, and counts as late.
    private static let openInFlightMax = 2000

    init(
        port: Int, connections count: Int, feed: TransactionFeed, book: NumberBook, pace: Pace, batch: Int, seconds: Int,
        countMax: Int = .max
    ) throws {
        self.feed = feed
        self.book = book
        self.pace = pace
        self.batch = batch
        self.countMax = countMax
        nanoseconds = UInt64(seconds) * 1_000_000_000
        for _ in 0..<count { connections.append(try LoadConnection(port: port, receiver: self)) }
    }

    private var inFlight: Int { requests.count - freeTickets.count }

    // MARK: Sending

    func turn(_ now: MonotonicNanoseconds) -> MonotonicNanoseconds? {
        if startedAt == 0 {
            startedAt = now
            tally.startMicroseconds = wallClockMicroseconds()
        }
        let isOver = now - startedAt >= nanoseconds || begun >= countMax
        if isOver, tally.endMicroseconds == 0 { tally.endMicroseconds = wallClockMicroseconds() }
        if !toRetry.isEmpty, now >= retryAt {
            let numbers = Array(toRetry.prefix(batch))
            if send(Request(numbers: numbers, plannedAt: now, isRetry: true), now) { toRetry.removeFirst(numbers.count) }
        }
        if isOver {
            if inFlight == 0, toRetry.isEmpty { return nil }
            if now - startedAt > nanoseconds &+ Self.patienceNanoseconds {
                tally.unanswered = inFlight * batch + toRetry.count
                return nil
            }
            return now + Self.closedTurnNanoseconds
        }
        switch pace {
        case .closed(let inFlightMax, let gauge, let waitingMax):
            while inFlight < inFlightMax, begun < countMax, (gauge?.estimate(accepted: tally.accepted, now) ?? 0) < waitingMax {
                guard begin(plannedAt: now, now) else { break }
            }
            return now + Self.closedTurnNanoseconds
        case .open(let perSecond):
            while true {
                let planned = startedAt + UInt64(plannedCount * batch) * 1_000_000_000 / UInt64(perSecond)
                guard planned <= now else { return min(planned, startedAt + nanoseconds) }
                guard inFlight < Self.openInFlightMax, begin(plannedAt: planned, now) else { return now + 1_000_000 }
                plannedCount += 1
            }
        }
    }

    private func begin(plannedAt: MonotonicNanoseconds, _ now: MonotonicNanoseconds) -> Bool {
        guard connections.contains(where: \.isUp) else { return false }
        let numbers = book.take(min(batch, countMax - begun))
        begun += numbers.count
        tally.slips.add(nanoseconds: now - plannedAt)
        return send(Request(numbers: numbers, plannedAt: plannedAt, isRetry: false), now)
    }

    private func send(_ request: Request, _ now: MonotonicNanoseconds) -> Bool {
        guard let connection = nextUp() else { return false }
        let ticket = freeTickets.popLast() ?? requests.count
        if ticket == requests.count { requests.append(nil) }
        requests[ticket] = request
        connection.post(Self.path, ticket: ticket) { feed.appendBody(request.numbers, to: $0) }
        tally.requests += 1
        return true
    }

    private func nextUp() -> LoadConnection? {
        for _ in connections.indices {
            nextConnection = (nextConnection + 1) % connections.count
            if connections[nextConnection].isUp { return connections[nextConnection] }
        }
        return nil
    }

    // MARK: Answers

    func answered(ticket: Int, status: Int, body: UnsafeRawBufferPointer, now: MonotonicNanoseconds) {
        guard let request = requests[ticket] else { return }
        requests[ticket] = nil
        freeTickets.append(ticket)
        tally.answers[status, default: 0] += 1
        if !request.isRetry { tally.responses.add(nanoseconds: now - request.plannedAt) }
        if request.numbers.count == 1 {
            settle(request.numbers[0], status, now)
            if status >= 400, status != 503 { tally.note(body) }
            return
        }
        ItemStatuses.read(body, into: &statuses)
        guard statuses.count == request.numbers.count else {
            // Refused whole, or no answer at all.
            if status < 300 || (status >= 400 && status < 500) { tally.note(body) }
            for number in request.numbers { settle(number, status < 300 && status > 0 ? 0 : status, now) }
            return
        }
        for (number, status) in zip(request.numbers, statuses) { settle(number, status, now) }
        if statuses.contains(where: { (400..<500).contains($0) }) { tally.note(body) }
    }

    private func settle(_ number: Int, _ status: Int, _ now: MonotonicNanoseconds) {
        tally.items[status, default: 0] += 1
        switch status {
        case 200, 201:
            if book.accept(number) { tally.accepted += 1 }
        case 400..<429, 430..<500: tally.refused += 1
        default:
            tally.retried += 1
            if toRetry.isEmpty { retryAt = now + Self.retryNanoseconds }
            toRetry.append(number)
        }
    }
}
