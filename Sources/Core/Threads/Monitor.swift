import Glibc

/// Data behind a lock that threads can wait on.
///
/// `@unchecked Sendable`: `state` is touched only while `mutex` is held, and the two pthread objects live at fixed
/// addresses from `init` to `deinit`.
package final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    package init(_ state: sending State) {
        self.state = state
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Waits are measured on the clock that nobody can set.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package enum Wake { case nobody, one, everyone }

    /// Runs `body` alone, then wakes waiting threads to look again.
    package func withLock<R>(wake: Wake = .everyone, _ body: (inout State) -> sending R) -> sending R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_mutex_unlock(mutex)
            switch wake {
            case .nobody: break
            case .one: pthread_cond_signal(condition)
            case .everyone: pthread_cond_broadcast(condition)
            }
        }
        return body(&state)
    }

    /// Runs `body` alone, again and again after each wake-up, until it gives a value or the deadline has passed.
    package func wait<R>(until deadline: Deadline, _ body: (inout State) -> sending R?) -> sending R? {
        var end: timespec?
        if let nanoseconds = deadline.remainingNanoseconds {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let total = Int64(now.tv_nsec) + nanoseconds
            end = timespec(tv_sec: now.tv_sec + Int(total / 1_000_000_000), tv_nsec: Int(total % 1_000_000_000))
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value = body(&state) { return value }
            if var end {
                if pthread_cond_timedwait(condition, mutex, &end) == ETIMEDOUT { return body(&state) }
            } else {
                pthread_cond_wait(condition, mutex)
            }
        }
    }
}
