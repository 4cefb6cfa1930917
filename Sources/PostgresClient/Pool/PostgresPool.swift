import Core

/// Connections for asynchronous callers, each connection on a thread of its own.
///
/// A job gets a connection to itself. The queue of waiting jobs is bounded: past `pendingMax` a job fails at once with
/// `queueFull`. A connection found broken before a job starts is replaced first; a job whose connection breaks while it runs
/// gets that error and is never run again by the pool.
package final class PostgresPool: Sendable {
    private let core: PoolCore

    /// - Parameters:
    ///   - connections: how many connections, and threads, at most; they are opened when first needed.
    ///   - pendingMax: how many jobs may wait.
    ///   - connectWaitMilliseconds: how long a job may wait for the server to come back before it fails with the reason.
    ///   - reconnectMillisecondsMax: the longest pause between two attempts to connect; short for what a lease depends on.
    package init(
        configuration: PostgresConfiguration, connections: Int, pendingMax: Int, connectWaitMilliseconds: Int = 10_000,
        reconnectMillisecondsMax: Int = 2000
    ) throws(PostgresError) {
        guard (1...1000).contains(connections), (1...1_000_000).contains(pendingMax), connectWaitMilliseconds >= 0,
            reconnectMillisecondsMax > 0
        else {
            throw PostgresError(
                .usage,
                "a pool takes 1 to 1000 connections, 1 to 1000000 waiting jobs and waits of 0 ms or more; "
                    + "given \(connections), \(pendingMax), \(connectWaitMilliseconds), \(reconnectMillisecondsMax)")
        }
        core = PoolCore(
            configuration: configuration, pendingMax: pendingMax, connectWaitMilliseconds: connectWaitMilliseconds,
            reconnectMillisecondsMax: reconnectMillisecondsMax)
        for _ in 0..<connections {
            guard core.startThread() else {
                core.beginShutdown()
                throw PostgresError(.usage, "no thread for a connection: the system's thread limit is reached")
            }
        }
    }

    deinit { core.beginShutdown() }

    /// Runs `body` on one of the pool's threads with a connection of its own.
    ///
    /// Cancelling the calling task ends a waiting job at once (`CancellationError`) and cancels a running one's statement
    /// (`PostgresError` with code `cancelled`). A transaction `body` leaves open is rolled back.
    /// - Throws: what `body` throws; `queueFull`, `shutDown`, `cannotConnect` or `accessRefused` when it never started.
    package func withConnection<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> R
    ) async throws -> R {
        let job = PoolJob()
        let core = core
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<R, any Error>) in
                let isArmed = job.arm(
                    run: { connection in continuation.resume(with: Result { try body(connection) }) },
                    fail: { continuation.resume(throwing: $0) })
                if isArmed { core.enqueue(job) }
            }
        } onCancel: {
            job.cancel()
        }
    }

    /// Jobs waiting for a connection now.
    package var pendingCount: Int { core.pendingCount }

    /// Lets running jobs end, fails the waiting ones with `shutDown`, closes all connections, and returns when all is done.
    package func shutdown() async {
        core.beginShutdown()
        await core.threadsEnded()
    }
}
