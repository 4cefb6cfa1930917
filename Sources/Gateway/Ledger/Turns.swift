import Core

/// Who may work at once, and who waits for his turn: `runningMax` of them work, so that extensive questions never hold all connections.
struct Turns<Work> {
    enum Admission {
        case begin
        case wait
        /// As many wait as may.
        case refuse
    }

    private let runningMax: Int
    private let waitingMax: Int
    private var runningCount = 0
    private var waiting: [(work: Work, deadline: MonotonicNanoseconds)] = []

    init(runningMax: Int, waitingMax: Int) {
        self.runningMax = runningMax
        self.waitingMax = waitingMax
    }

    /// What to do with work that nobody waits for any more after `deadline`. With `.begin` it has a turn, which `finish` ends.
    mutating func ask(_ work: Work, deadline: MonotonicNanoseconds, now: MonotonicNanoseconds) -> Admission {
        if runningCount < runningMax {
            runningCount += 1
            return .begin
        }
        if waiting.count >= waitingMax { waiting.removeAll { $0.deadline <= now } }
        guard waiting.count < waitingMax else { return .refuse }
        waiting.append((work, deadline))
        return .wait
    }

    /// Ends a turn. Returns the work that has it now: of those still waited for the one that came first.
    mutating func finish(now: MonotonicNanoseconds) -> Work? {
        let next = waiting.firstIndex { $0.deadline > now }
        let work = next.map { waiting[$0].work }
        waiting.removeFirst(next.map { $0 + 1 } ?? waiting.count)
        if work == nil { runningCount -= 1 }
        return work
    }
}
