import Core
import Synchronization

/// Lets asynchronous work begin by turns.
final class Turnstile: Sendable {
    typealias Work = @Sendable () async -> Void

    private let turns: Mutex<Turns<Work>>

    init(runningMax: Int, waitingMax: Int) { turns = Mutex(Turns(runningMax: runningMax, waitingMax: waitingMax)) }

    /// Begins the work now or when it has its turn; not at all if its deadline has passed by then. False if too much waits already.
    func enter(deadline: MonotonicNanoseconds, _ work: @escaping Work) -> Bool {
        switch turns.withLock({ $0.ask(work, deadline: deadline, now: monotonicNow()) }) {
        case .begin:
            begin(work)
            return true
        case .wait: return true
        case .refuse: return false
        }
    }

    private func begin(_ work: @escaping Work) {
        Task {
            var next: Work? = work
            while let work = next {
                await work()
                next = turns.withLock { $0.finish(now: monotonicNow()) }
            }
        }
    }
}
