/// How far a transaction is shielded from others, by the server's names.
package enum PostgresIsolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
    /// One unchanging picture of the whole database, without writes: for loads and validation.
    case snapshotReadOnly = "REPEATABLE READ, READ ONLY"
}

/// Runs `body`, a whole database transaction that has written nothing when it fails, again as long as PostgreSQL ends it for the sake of
/// another (`PostgresError.isTransactionConflict`), `attemptsMax` times in all.
package func retryingConflicts<R>(attemptsMax: Int = 4, _ body: () throws -> R) throws -> R {
    var attempt = 1
    while true {
        do {
            return try body()
        } catch let error as PostgresError where error.isTransactionConflict && attempt < attemptsMax {
            attempt += 1
        }
    }
}

extension PostgresConnection {
    /// Runs `body` between BEGIN and COMMIT; a throw rolls back and comes out here.
    ///
    /// When the connection is lost during COMMIT the error is `connectionLost` and the outcome unknown: look before you
    /// run it again.
    package func transaction<R>(_ isolation: PostgresIsolation = .readCommitted, _ body: () throws -> R) throws -> R {
        guard !isInTransaction else {
            throw PostgresError(.usage, "a transaction is open on this connection already; transactions do not nest")
        }
        _ = try execute("BEGIN ISOLATION LEVEL \(isolation.rawValue)")
        let value: R
        do {
            value = try body()
        } catch {
            try rollBack(after: error)
            throw error
        }
        let commit: PostgresResult
        do throws(PostgresError) {
            commit = try execute("COMMIT")
        } catch {
            if !error.isConnectionFailure { try rollBack(after: error) }
            guard error.code == .connectionLost || !isUsable else { throw error }
            throw PostgresError(
                .connectionLost, "the connection ended during COMMIT, whose outcome is unknown: \(error.message)",
                sqlState: error.sqlState)
        }
        // A failed transaction answers COMMIT with ROLLBACK and no error.
        guard commit.commandTag == "COMMIT" else {
            throw PostgresError(
                .server,
                "COMMIT answered \(commit.commandTag): a statement failed and its error was not passed on; all was rolled back",
                sqlState: "25P02")
        }
        return value
    }

    /// A session that cannot even roll back is closed, which rolls back too; the first error stays the one to tell.
    private func rollBack(after error: any Error) throws {
        guard isUsable, isInTransaction else { return }
        do throws(PostgresError) {
            _ = try execute("ROLLBACK", timeoutMilliseconds: configuration.connectTimeoutMilliseconds)
        } catch {
            close()
        }
    }
}
