import Core

/// What the pool's threads and its callers share: the queue, and the loop each thread runs.
final class PoolCore: Sendable {
    private struct Entry {
        let job: PoolJob
        let connectDeadline: Deadline
    }

    private struct State {
        var queue: [Entry] = []
        /// The queue's first entry; those before it are taken.
        var head = 0
        var threads = 0
        /// Threads that hold a working connection.
        var connected = 0
        var isShutDown = false
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []

        var count: Int { queue.count - head }

        mutating func take() -> Entry? {
            guard head < queue.count else { return nil }
            let entry = queue[head]
            head += 1
            // Amortised: each entry is moved at most once.
            if head > 64, head * 2 > queue.count {
                queue.removeFirst(head)
                head = 0
            }
            return entry
        }

        mutating func takeAll() -> [Entry] {
            defer {
                queue.removeAll()
                head = 0
            }
            return Array(queue[head...])
        }
    }

    private let configuration: PostgresConfiguration
    private let pendingMax: Int
    private let connectWaitMilliseconds: Int
    private let reconnectMillisecondsMax: Int
    private let state = Monitor(State())
    /// Apart from `state`, so that a thread waiting to reconnect is not woken, and does not swallow the wake-up, for a job.
    private let isShutDown = Monitor(false)

    init(configuration: PostgresConfiguration, pendingMax: Int, connectWaitMilliseconds: Int, reconnectMillisecondsMax: Int) {
        self.configuration = configuration
        self.pendingMax = pendingMax
        self.connectWaitMilliseconds = connectWaitMilliseconds
        self.reconnectMillisecondsMax = reconnectMillisecondsMax
    }

    // MARK: Callers

    var pendingCount: Int { state.withLock(wake: .nobody) { $0.count } }

    func enqueue(_ job: PoolJob) {
        let entry = Entry(job: job, connectDeadline: .after(milliseconds: connectWaitMilliseconds))
        let pendingMax = pendingMax
        let refusal: PostgresError? = state.withLock(wake: .one) { state in
            guard !state.isShutDown else { return PostgresError(.shutDown, "the connection pool is shut down") }
            if state.count >= pendingMax {
                // Jobs whose callers gave up do not hold a place.
                let live = state.takeAll().filter { !$0.job.isDone }
                state.queue = live
            }
            guard state.count < pendingMax else {
                return PostgresError(.queueFull, "\(pendingMax) jobs wait for a database connection already: try again later")
            }
            state.queue.append(entry)
            return nil
        }
        if let refusal { job.fail(refusal) }
    }

    func beginShutdown() {
        let waiting = state.withLock { state in
            state.isShutDown = true
            return state.takeAll()
        }
        isShutDown.withLock { $0 = true }
        for entry in waiting { entry.job.fail(PostgresError(.shutDown, "the connection pool is shut down")) }
    }

    func threadsEnded() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                if state.threads > 0 { state.waitingForEnd.append(continuation) }
                return state.threads == 0
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: Threads

    func startThread() -> Bool {
        state.withLock { $0.threads += 1 }
        if DetachedThread.start({ [self] in work() }) { return true }
        state.withLock { $0.threads -= 1 }
        return false
    }

    private func work() {
        var member = Member(backoff: ReconnectBackoff(millisecondsMax: reconnectMillisecondsMax))
        while let entry = state.wait(
            until: .never,
            { state -> Entry?? in
                if let entry = state.take() { return .some(entry) }
                return state.isShutDown ? .some(nil) : nil
            }) ?? nil
        {
            guard !entry.job.isDone else { continue }
            if let connection = connection(for: entry, &member) {
                entry.job.run(on: connection)
                tidy(connection)
            }
        }
        drop(&member)
        let waiting = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waitingForEnd.removeAll() }
            return state.waitingForEnd
        }
        for continuation in waiting { continuation.resume() }
    }

    /// What one thread owns.
    private struct Member {
        var connection: PostgresConnection?
        var backoff: ReconnectBackoff
        var random = SystemRandomNumberGenerator()
        /// No attempt to connect before this moment, and why.
        var pause: (until: Deadline, reason: PostgresError)?
    }

    private func drop(_ member: inout Member) {
        guard member.connection != nil else { return }
        member.connection = nil
        state.withLock(wake: .nobody) { $0.connected -= 1 }
    }

    /// A working connection for the job, or nil when the job was answered with the reason why there is none.
    private func connection(for entry: Entry, _ member: inout Member) -> PostgresConnection? {
        if let connection = member.connection {
            if connection.checkIdle() { return connection }
            drop(&member)
        }
        while true {
            if let pause = member.pause, !pause.until.hasPassed {
                // Shutdown ends the wait; so does the job's own deadline, whichever comes first.
                let end =
                    (entry.connectDeadline.remainingNanoseconds ?? .max) < (pause.until.remainingNanoseconds ?? .max)
                    ? entry.connectDeadline : pause.until
                if isShutDown.wait(until: end, { $0 ? true : nil }) == true {
                    entry.job.fail(PostgresError(.shutDown, "the connection pool is shut down"))
                    return nil
                }
                if entry.connectDeadline.hasPassed {
                    entry.job.fail(pause.reason)
                    return nil
                }
            }
            do throws(PostgresError) {
                let connection = try PostgresConnection(configuration)
                member.connection = connection
                member.backoff.succeeded()
                member.pause = nil
                state.withLock(wake: .nobody) { $0.connected += 1 }
                return connection
            } catch {
                let milliseconds = member.backoff.failed(using: &member.random)
                member.pause = (.after(milliseconds: milliseconds), error)
                if error.code == .accessRefused || entry.connectDeadline.hasPassed {
                    entry.job.fail(error)
                    failOverdue(error)
                    return nil
                }
                failOverdue(error)
            }
        }
    }

    /// While nobody has a connection, waiting jobs past their deadline are answered too, not only the one in hand.
    private func failOverdue(_ error: PostgresError) {
        let overdue = state.withLock(wake: .nobody) { state -> [Entry] in
            guard state.connected == 0 else { return [] }
            let all = state.takeAll()
            state.queue = all.filter { !$0.connectDeadline.hasPassed }
            return all.filter { $0.connectDeadline.hasPassed }
        }
        for entry in overdue { entry.job.fail(error) }
    }

    /// Makes the connection fit for the next job, or closes it (the next job then opens another).
    private func tidy(_ connection: PostgresConnection) {
        // A cancellation still under way could hit the next job.
        guard connection.cancelHandle.settle(.after(milliseconds: PostgresConnection.cancelMillisecondsMax)) else {
            connection.close()
            return
        }
        guard connection.isUsable, connection.isInTransaction else { return }
        do throws(PostgresError) {
            _ = try connection.execute("ROLLBACK", timeoutMilliseconds: configuration.connectTimeoutMilliseconds)
        } catch {
            connection.close()
        }
    }
}
