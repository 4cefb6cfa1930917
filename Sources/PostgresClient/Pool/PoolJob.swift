import Synchronization

/// One piece of work waiting for a connection, running on one, or done. Its caller gets exactly one answer.
final class PoolJob: Sendable {
    private enum State {
        /// Not yet armed by its caller.
        case new
        case waiting(run: @Sendable (PostgresConnection) -> Void, fail: @Sendable (any Error) -> Void)
        case running(PostgresCancelHandle)
        case done
    }

    private let state = Mutex(State.new)

    /// False when the caller gave up before: `fail` has been called.
    func arm(
        run: @escaping @Sendable (PostgresConnection) -> Void, fail: @escaping @Sendable (any Error) -> Void
    ) -> Bool {
        let isArmed = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(run: run, fail: fail)
            return true
        }
        if !isArmed { fail(CancellationError()) }
        return isArmed
    }

    /// Answers a job that has not started. Does nothing to others.
    func fail(_ error: any Error) {
        let fail: (@Sendable (any Error) -> Void)? = state.withLock { state in
            guard case .waiting(_, let fail) = state else { return nil }
            state = .done
            return fail
        }
        fail?(error)
    }

    /// Whether nobody waits for this job any more.
    var isDone: Bool {
        state.withLock { state in
            if case .done = state { true } else { false }
        }
    }

    /// Runs the job on `connection`, on this thread. A cancellation that came in time is under way when it returns, so the
    /// caller waits for it before it gives the connection to another job.
    func run(on connection: PostgresConnection) {
        let handle = connection.cancelHandle
        let run: (@Sendable (PostgresConnection) -> Void)? = state.withLock { state in
            guard case .waiting(let run, _) = state else { return nil }
            state = .running(handle)
            return run
        }
        guard let run else { return }
        run(connection)
        state.withLock { $0 = .done }
    }

    /// The caller's task was cancelled. A waiting job ends at once; a running one has its statement cancelled.
    func cancel() {
        let fail: (@Sendable (any Error) -> Void)? = state.withLock { state in
            switch state {
            case .new:
                state = .done
                return nil
            case .waiting(_, let fail):
                state = .done
                return fail
            case .running(let handle):
                // Begun under the lock, so that it cannot reach the connection after this job. A request that cannot be
                // sent leaves the statement to its own time limit.
                do throws(PostgresError) { _ = try handle.begin() } catch { return nil }
                return nil
            case .done:
                return nil
            }
        }
        fail?(CancellationError())
    }
}
