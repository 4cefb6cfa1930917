import Core
import HTTP2
import LoadRecord
import NIOSSL

/// The connections of a run: one for each lane, opened again when it is lost and replaced when the server sends it away.
final class ConnectionPool {
    private enum Lane {
        case open(LoadConnection)
        /// Nothing is open; to be tried at this time.
        case down(retryAt: MonotonicNanoseconds)
    }

    let around: ConnectionSurroundings
    @exclusivity(unchecked) private var lanes: [Lane] = []
    /// Connections that finish what they have.
    @exclusivity(unchecked) private var retiring: [LoadConnection] = []
    /// Closed ones, kept to the end of the turn: events that have been fetched name them.
    @exclusivity(unchecked) private var closed: [LoadConnection] = []
    @exclusivity(unchecked) private var dirty: [LoadConnection] = []
    @exclusivity(unchecked) private var flushing: [LoadConnection] = []
    @exclusivity(unchecked) private var nextLane = 0
    /// How many connections are down or not up yet.
    @exclusivity(unchecked) private var downCount = 0
    /// Told of each connection that has closed: the requests on it have no answer.
    var onClosed: (LoadConnection, MonotonicNanoseconds) -> Void = { _, _ in }
    private(set) var losses = 0
    private(set) var goAways = 0

    /// Why the first connection that closed did so.
    private var firstFailure: LoadSetUpError?

    private static let retryNanoseconds: UInt64 = 100_000_000
    /// From opening a connection in the middle of a run to the server's SETTINGS.
    private static let openingNanoseconds: UInt64 = 3_000_000_000
    static let setUpNanoseconds: UInt64 = 10_000_000_000

    init(_ around: ConnectionSurroundings, count: Int) {
        self.around = around
        lanes = (0..<count).map { .open(LoadConnection(lane: $0, around)) }
        for case .open(let connection) in lanes where firstFailure == nil { firstFailure = connection.failure }
    }

    /// All are up; throws what keeps one from it.
    func isReady() throws(LoadSetUpError) -> Bool {
        if let firstFailure { throw firstFailure }
        return lanes.allSatisfy { if case .open(let connection) = $0 { connection.state == .up } else { false } }
    }

    // MARK: Choice

    /// The next connection in turn that takes a request.
    func pick() -> LoadConnection? {
        for _ in 0..<lanes.count {
            nextLane = nextLane + 1 == lanes.count ? 0 : nextLane + 1
            if case .open(let connection) = lanes[nextLane], connection.takesRequests { return connection }
        }
        return nil
    }

    func markDirty(_ connection: LoadConnection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        dirty.append(connection)
    }

    /// Writes each connection that has something to write, once.
    func flush(_ now: MonotonicNanoseconds, sent: (Int, MonotonicNanoseconds) -> Void, ended: (EndedRequest) -> Void) {
        guard !dirty.isEmpty else { return }
        // Who has something left after this is marked again, for the next turn.
        swap(&dirty, &flushing)
        for connection in flushing {
            connection.isDirty = false
            connection.flush(sent)
            connection.handOver(ended)
            settle(connection, now)
        }
        flushing.removeAll(keepingCapacity: true)
    }

    // MARK: Changes

    /// After something happened to a connection: takes it out of its lane when it is lost or going away.
    func settle(_ connection: LoadConnection, _ now: MonotonicNanoseconds) {
        if connection.wantsFlush { markDirty(connection) }
        if connection.heardGoAway, !connection.isGoAwayCounted {
            connection.isGoAwayCounted = true
            goAways += 1
        }
        switch connection.state {
        case .up where connection.isGoingAway:
            connection.retire()
            retiring.append(connection)
            // Opened in this turn; not one after the other without end where each is sent away at once.
            lanes[connection.lane] = .down(retryAt: max(now, connection.openedAt + Self.retryNanoseconds))
            downCount += 1
            settle(connection, now)
        case .retiring where !connection.hasLiveStreams && !connection.wantsFlush:
            connection.shut()
            settle(connection, now)
        case .closed:
            firstFailure =
                firstFailure ?? connection.failure
                ?? LoadSetUpError(.notHTTP2, "\(around.target.url) closed a connection before the load began")
            if connection.wasLost {
                losses += 1
                onClosed(connection, now)
            }
            if let at = retiring.firstIndex(where: { $0 === connection }) {
                retiring.remove(at: at)
                closed.append(connection)
            } else if case .open(let current) = lanes[connection.lane], current === connection {
                lanes[connection.lane] = .down(
                    retryAt: connection.heardGoAway ? connection.openedAt + Self.retryNanoseconds : now + Self.retryNanoseconds)
                downCount += 1
                closed.append(connection)
            }
        default: break
        }
    }

    /// Closes what has been opened long ago and is still not up: a server that never finishes its greeting does not keep a lane. To be called now and then.
    func giveUpSlow(_ now: MonotonicNanoseconds) {
        for case .open(let connection) in lanes where now > connection.openedAt + Self.openingNanoseconds {
            switch connection.state {
            case .connecting, .securing, .greeting:
                connection.shut()
                settle(connection, now)
            case .up, .retiring, .closed: break
            }
        }
    }

    /// Opens again what is down and due; returns when to come back.
    func reopen(_ now: MonotonicNanoseconds) -> MonotonicNanoseconds? {
        closed.removeAll(keepingCapacity: true)
        guard downCount > 0 else { return nil }
        var next: MonotonicNanoseconds?
        for index in lanes.indices {
            guard case .down(let retryAt) = lanes[index] else { continue }
            if retryAt > now {
                next = min(next ?? retryAt, retryAt)
                continue
            }
            downCount -= 1
            let connection = LoadConnection(lane: index, around)
            lanes[index] = .open(connection)
            settle(connection, now)
        }
        return next
    }
}
