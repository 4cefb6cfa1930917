import CPostgreSQL
import Core

/// Cancels whatever its connection is running, from any thread.
///
/// It stays valid for as long as anyone holds it: after a reset it speaks to the new session, and once the connection is
/// closed it says so. A cancellation is a request: a statement that is just ending may still succeed.
package final class PostgresCancelHandle: Sendable {
    /// How many cancellations of one connection may be under way at once.
    static let attemptsMax = 8

    /// libpq's copy of the session's address and key.
    ///
    /// `@unchecked Sendable`: libpq documents PQcancel as safe from any thread, and nothing else reads the copy before
    /// the last owner frees it.
    private final class Target: @unchecked Sendable {
        let raw: OpaquePointer
        init?(_ connection: OpaquePointer) {
            guard let raw = PQgetCancel(connection) else { return nil }
            self.raw = raw
        }
        deinit { PQfreeCancel(raw) }
    }

    private struct State {
        var target: Target?
        var attempts: [Attempt] = []
    }

    /// A cancellation under way. The outcome is nil while it lasts; success is an empty text, otherwise libpq's reason.
    final class Attempt: Sendable {
        private let outcome = Monitor<String?>(nil)

        fileprivate func finish(_ reason: String) { outcome.withLock { $0 = reason } }

        /// The outcome, or nil when the deadline passed first.
        func wait(_ deadline: Deadline) -> String? { outcome.wait(until: deadline) { $0 } }
    }

    private let state = Monitor(State())

    func adopt(_ connection: OpaquePointer?) {
        let target = connection.flatMap { Target($0) }
        state.withLock { $0.target = target }
    }

    /// Asks the server to cancel, and waits until it has taken note.
    ///
    /// - Throws: `connectionLost` when the connection is gone, `cannotConnect` when the request did not get through,
    ///   `timedOut` when nobody answered it in time.
    package func cancel(timeoutMilliseconds: Int = 2000) throws(PostgresError) {
        let attempt = try begin()
        guard let reason = attempt.wait(.after(milliseconds: timeoutMilliseconds)) else {
            throw PostgresError(.timedOut, "the request to cancel was not answered within \(timeoutMilliseconds) ms")
        }
        guard reason.isEmpty else {
            throw PostgresError(.cannotConnect, "the request to cancel failed: \(PostgresError.oneLine(reason))")
        }
    }

    /// Starts a cancellation on a thread of its own, since PQcancel blocks and knows no timeout.
    func begin() throws(PostgresError) -> Attempt {
        let attempt = Attempt()
        let target: Result<Target, PostgresError> = state.withLock { state in
            guard let target = state.target else {
                return .failure(PostgresError(.connectionLost, "nothing to cancel: the connection is closed"))
            }
            guard state.attempts.count < Self.attemptsMax else {
                return .failure(
                    PostgresError(.usage, "\(Self.attemptsMax) cancellations of this connection are under way already"))
            }
            state.attempts.append(attempt)
            return .success(target)
        }
        let found = try target.get()
        let hasStarted = DetachedThread.start { [state] in
            var reason = [CChar](repeating: 0, count: 256)
            let isDone = PQcancel(found.raw, &reason, Int32(reason.count)) == 1
            let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            attempt.finish(isDone ? "" : text.isEmpty ? "no reason given" : text)
            state.withLock { state in state.attempts.removeAll { $0 === attempt } }
        }
        guard hasStarted else {
            state.withLock { state in state.attempts.removeAll { $0 === attempt } }
            throw PostgresError(.usage, "no thread to send the request to cancel: the system's thread limit is reached")
        }
        return attempt
    }

    /// Waits until no cancellation is under way. False when one still is at the deadline: the next statement of this
    /// session could be its victim.
    func settle(_ deadline: Deadline) -> Bool {
        state.wait(until: deadline) { $0.attempts.isEmpty ? true : nil } ?? false
    }
}
