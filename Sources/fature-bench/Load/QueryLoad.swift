import Core

/// Asks for depth-5 counts of affiliates in an open loop: each query has a planned time, and its latency counts from there, however late it was
/// sent or answered.
final class QueryLoad: LoadDriver, LoadReceiver {
    private(set) var connections: [LoadConnection] = []
    private let picker: AffiliatePicker
    private let seed: UInt64
    private let perSecond: Int
    private let nanoseconds: UInt64
    private var startedAt: MonotonicNanoseconds = 0
    private var begun = 0
    private var answeredCount = 0
    /// When each query that is under way was planned, by ticket.
    private var planned: [MonotonicNanoseconds] = []
    private var freeTickets: [Int] = []
    private(set) var latencies: Latencies
    private(set) var slips: Latencies
    /// Answers by HTTP status; 0: none.
    private(set) var answers: [Int: Int] = [:]

    /// Queries that are due within this time leave together: waking up for each of them would cost more than it asks of the cluster.
    private static let tickNanoseconds: UInt64 = 250_000
    private static let patienceNanoseconds: UInt64 = 10_000_000_000

    init(port: Int, connections count: Int, picker: AffiliatePicker, seed: UInt64, perSecond: Int, seconds: Int) throws {
        self.picker = picker
        self.seed = seed
        self.perSecond = perSecond
        nanoseconds = UInt64(seconds) * 1_000_000_000
        latencies = Latencies(capacity: perSecond * seconds)
        slips = Latencies(capacity: perSecond * seconds)
        for _ in 0..<count { connections.append(try LoadConnection(port: port, receiver: self)) }
    }

    /// Queries that were never answered, or not with 200.
    var failed: Int { begun - answers[200, default: 0] }
    var total: Int { begun }

    func turn(_ now: MonotonicNanoseconds) -> MonotonicNanoseconds? {
        if startedAt == 0 { startedAt = now }
        while true {
            let plannedAt = startedAt + UInt64(begun) * 1_000_000_000 / UInt64(perSecond)
            guard plannedAt - startedAt < nanoseconds else { break }
            guard plannedAt <= now else { return max(plannedAt, now + Self.tickNanoseconds) }
            send(plannedAt, now)
        }
        guard answeredCount < begun, now - startedAt < nanoseconds &+ Self.patienceNanoseconds else { return nil }
        return now + 10_000_000
    }

    private func send(_ plannedAt: MonotonicNanoseconds, _ now: MonotonicNanoseconds) {
        let ticket = freeTickets.popLast() ?? planned.count
        if ticket == planned.count { planned.append(0) }
        planned[ticket] = plannedAt
        var scatter = Scatter(seed: seed, number: begun)
        // A connection that is down still takes requests; they go out once it is up.
        connections[begun % connections.count].get(
            "/api/v2/affiliates/\(picker.pick(&scatter))/network?depth=5&limit=0", ticket: ticket)
        begun += 1
        slips.add(nanoseconds: now - plannedAt)
    }

    func answered(ticket: Int, status: Int, body: UnsafeRawBufferPointer, now: MonotonicNanoseconds) {
        answeredCount += 1
        answers[status, default: 0] += 1
        latencies.add(nanoseconds: now - planned[ticket])
        freeTickets.append(ticket)
    }
}
