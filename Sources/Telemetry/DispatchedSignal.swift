import Dispatch
import Synchronization

/// Runs one piece of work on a queue of its own each time it was signalled since the work last began; signals between are one.
final class DispatchedSignal: Sendable {
    private let queue = DispatchQueue(label: "fature.log")
    private let isScheduled = Atomic<Bool>(false)
    private let work = Mutex<(@Sendable () -> Void)?>(nil)

    var onSignal: (@Sendable () -> Void)? {
        get { work.withLock { $0 } }
        set { work.withLock { $0 = newValue } }
    }

    func signal() {
        guard !isScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        queue.async { self.run() }
    }

    /// Returns after the work has run once more.
    func drain() { queue.sync { run() } }

    private func run() {
        isScheduled.store(false, ordering: .releasing)
        onSignal?()
    }
}
