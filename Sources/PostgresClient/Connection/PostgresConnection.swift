import CPostgreSQL
import Core

/// A session with PostgreSQL, blocking, every wait bounded when a time limit is given.
///
/// Not Sendable: it belongs to one thread at a time. When a call's time is over the statement is cancelled on the server,
/// and the call ends within `cancelMillisecondsMax` more, twice at most; the connection is then as usable as before (inside a
/// transaction: the transaction has failed), or, when the server did not even answer that, no longer usable (`isUsable`).
package final class PostgresConnection {
    /// How long a cancellation may take to be sent, and again how long the statement may take to end after it.
    package static let cancelMillisecondsMax = 2000
    /// How many statements stay prepared on the server for one connection.
    package static let preparedStatementsMax = 128
    /// How many notifications wait to be read; older ones are dropped and counted.
    package static let notificationsMax = 10_000

    package let configuration: PostgresConfiguration
    /// Cancels what this connection runs, from any thread.
    package let cancelHandle = PostgresCancelHandle()

    private let notices = NoticeReceiver()
    private var link: PostgresLink?
    var statements: PreparedStatementCache
    var isBusy = false
    var notifications: [PostgresNotification] = []
    /// Notifications lost because nobody read them.
    package internal(set) var notificationsDropped = 0

    /// - Throws: `cannotConnect` or `accessRefused`.
    package convenience init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        try self.init(configuration, preparedStatementsMax: Self.preparedStatementsMax)
    }

    init(_ configuration: PostgresConfiguration, preparedStatementsMax: Int) throws(PostgresError) {
        self.configuration = configuration
        statements = PreparedStatementCache(statementsMax: preparedStatementsMax)
        try reset()
    }

    deinit { cancelHandle.adopt(nil) }

    /// Receives notices and warnings, on the thread that uses the connection. They are dropped by default. The handler must
    /// not use the connection.
    package var onNotice: (PostgresNotice) -> Void {
        get { notices.handler }
        set { notices.handler = newValue }
    }

    /// Whether the session stands, as far as this side knows. A server that went away is noticed by the next call, or by
    /// `checkIdle()`.
    package var isUsable: Bool { link?.isAlive ?? false }

    /// The server process that serves this session.
    package var serverPID: Int32 { link.map { PQbackendPID($0.raw) } ?? 0 }

    package var isInTransaction: Bool {
        guard let link else { return false }
        let status = PQtransactionStatus(link.raw)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    /// Looks, without waiting, whether the server has ended an idle session.
    package func checkIdle() -> Bool { !isBusy && (link?.checkIdle() ?? false) }

    package func close() {
        cancelHandle.adopt(nil)
        link = nil
        statements.removeAll()
    }

    /// Ends the session and opens another. Prepared statements, settings, temporary tables and LISTENs of the old are gone.
    package func reset() throws(PostgresError) {
        guard !isBusy else { throw PostgresError(.usage, "reset() from inside a running call of the same connection") }
        close()
        notifications.removeAll()
        let fresh = try PostgresLink(configuration, notices: notices)
        cancelHandle.adopt(fresh.raw)
        link = fresh
    }

    // MARK: Statements

    /// Runs one statement with its parameters. With parameters it is prepared once and kept prepared.
    ///
    /// The whole result is held in memory: for more than some 100,000 rows use `copyOut`.
    package func execute(
        _ sql: String, _ parameters: [PostgresValue] = [], timeoutMilliseconds: Int? = nil
    ) throws(PostgresError) -> PostgresResult {
        try Self.check(sql)
        let encoded = try PostgresParameters(parameters)
        return try exclusively { link throws(PostgresError) in
            let deadline = self.deadline(timeoutMilliseconds)
            try self.deallocateCondemned(link, deadline)
            guard !parameters.isEmpty else {
                try self.send(link) { PQsendQueryParams(link.raw, sql, 0, nil, nil, nil, nil, 0) }
                return try self.singleResult(link, deadline)
            }
            do throws(PostgresError) {
                return try self.executePrepared(link, sql, encoded, deadline)
            } catch  where self.isStale(error) && !self.isInTransaction {
                // The table changed under the plan, or someone deallocated it. Nothing has run yet, so once more is safe.
                self.statements.forget(
                    PreparedStatementCache.Key(sql: sql, types: encoded.types), isGoneOnServer: error.sqlState == "26000")
                return try self.executePrepared(link, sql, encoded, deadline)
            }
        }
    }

    private func executePrepared(
        _ link: PostgresLink, _ sql: String, _ parameters: PostgresParameters, _ deadline: Deadline
    ) throws(PostgresError) -> PostgresResult {
        let key = PreparedStatementCache.Key(sql: sql, types: parameters.types)
        if statements.isOverfull, !statements.holds(key) {
            try send(link) { parameters.withLibpqArguments { PQsendQueryParams(link.raw, sql, $0, $1, $2, $3, $4, 0) } }
            return try singleResult(link, deadline)
        }
        let name = try prepared(link, key, deadline)
        try send(link) {
            parameters.withLibpqArguments { PQsendQueryPrepared(link.raw, name, $0, $2, $3, $4, 0) }
        }
        return try singleResult(link, deadline)
    }

    func isStale(_ error: PostgresError) -> Bool {
        error.sqlState == "26000" || (error.sqlState == "0A000" && error.message.contains("cached plan"))
    }

    private func prepared(
        _ link: PostgresLink, _ key: PreparedStatementCache.Key, _ deadline: Deadline
    ) throws(PostgresError) -> String {
        if let name = statements.name(of: key) { return name }
        let name = statements.newName()
        try send(link) { PQsendPrepare(link.raw, name, key.sql, Int32(key.types.count), key.types) }
        _ = try singleResult(link, deadline)
        statements.insert(key, name: name)
        try deallocateCondemned(link, deadline)
        return name
    }

    /// Tells the server to drop what the cache no longer wants. Inside a transaction it is left for later, since a name that
    /// somebody dropped already would fail the transaction.
    func deallocateCondemned(_ link: PostgresLink, _ deadline: Deadline) throws(PostgresError) {
        guard !statements.condemned.isEmpty, PQtransactionStatus(link.raw) == PQTRANS_IDLE else { return }
        let script = statements.condemned.map { "DEALLOCATE \($0)" }.joined(separator: "; ")
        statements.condemnedAreGone()
        try send(link) { PQsendQuery(link.raw, script) }
        do throws(PostgresError) {
            _ = try results(link, deadline)
        } catch  where error.sqlState == "26000" {
            // Someone ran DEALLOCATE ALL or DISCARD ALL: they are gone, which is what we want.
        }
    }

    /// Runs several statements, separated by semicolons, without parameters: for migrations. They are one transaction unless
    /// the script holds BEGIN and COMMIT itself; the first error ends it.
    package func executeScript(_ sql: String, timeoutMilliseconds: Int? = nil) throws(PostgresError) {
        try Self.check(sql)
        try exclusively { link throws(PostgresError) in
            try self.send(link) { PQsendQuery(link.raw, sql) }
            _ = try self.results(link, self.deadline(timeoutMilliseconds))
        }
    }

    // MARK: What the calls share

    func deadline(_ timeoutMilliseconds: Int?) -> Deadline {
        if let timeoutMilliseconds { return .after(milliseconds: timeoutMilliseconds) }
        let standard = configuration.statementTimeoutMilliseconds
        return standard > 0 ? .after(milliseconds: standard) : .never
    }

    /// Runs `body` with the session, refusing calls from inside a running COPY or pipeline.
    func exclusively<R>(_ body: (PostgresLink) throws(PostgresError) -> R) throws(PostgresError) -> R {
        guard !isBusy else {
            throw PostgresError(.usage, "the connection is inside a COPY or a pipeline: use it again after that call")
        }
        guard let link, link.isAlive else {
            throw PostgresError(.connectionLost, "the connection to \(configuration) is closed: reset() opens it again")
        }
        isBusy = true
        defer {
            isBusy = false
            collectNotifications(link)
        }
        return try body(link)
    }

    static func check(_ sql: String) throws(PostgresError) {
        guard !sql.utf8.contains(0) else {
            throw PostgresError(.usage, "the SQL text holds a NUL character, at which the server would stop reading")
        }
    }

    func send(_ link: PostgresLink, _ body: () -> Int32) throws(PostgresError) {
        guard body() != 1 else { return }
        if PQstatus(link.raw) == CONNECTION_BAD { throw .lost(link.raw) }
        throw PostgresError(.usage, PostgresError.oneLine(String(cString: PQerrorMessage(link.raw))))
    }

    private func singleResult(_ link: PostgresLink, _ deadline: Deadline) throws(PostgresError) -> PostgresResult {
        guard let last = try results(link, deadline).last, last.status != PGRES_EMPTY_QUERY else {
            throw PostgresError(.usage, "the statement is empty")
        }
        return PostgresResult(last)
    }

    /// All results of what was sent, without errors. Past the deadline the statement is cancelled first.
    func results(_ link: PostgresLink, _ deadline: Deadline) throws(PostgresError) -> [PostgresResult.Storage] {
        var results: [PostgresResult.Storage] = []
        var didTimeOut = false
        do throws(PostgresError) {
            try link.drain(deadline) { results.append($0) }
        } catch {
            guard error.code == .timedOut else {
                // The server's own last words say more than the broken socket.
                throw results.lazy.compactMap { self.failure(of: $0, link) }.first ?? error
            }
            didTimeOut = true
            try cancelAndDrain(link) { results.append($0) }
        }
        for result in results {
            guard let failure = failure(of: result, link) else { continue }
            if failure.code == .connectionLost { link.condemn() }
            if didTimeOut, failure.code == .cancelled {
                throw PostgresError(
                    .timedOut, "the statement's time was over; it was cancelled on the server", sqlState: failure.sqlState)
            }
            throw failure
        }
        // Everything succeeded: a statement that ended just before its cancellation counts as what it is, done.
        return results
    }

    func failure(of result: PostgresResult.Storage, _ link: PostgresLink) -> PostgresError? {
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_PIPELINE_SYNC, PGRES_SINGLE_TUPLE: nil
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            PostgresError(.usage, "a COPY goes through copyIn or copyOut, not through execute or a pipeline")
        case PGRES_PIPELINE_ABORTED: PostgresError(.server, "not run: an earlier statement of the pipeline failed")
        default: PostgresError(result: result.raw, connection: link.raw)
        }
    }

    /// Cancels what runs and reads to its end. A session that does not come to rest is condemned.
    func cancelAndDrain(_ link: PostgresLink, _ onResult: (PostgresResult.Storage) -> Void) throws(PostgresError) {
        do throws(PostgresError) {
            try cancelHandle.cancel(timeoutMilliseconds: Self.cancelMillisecondsMax)
            try link.drain(.after(milliseconds: Self.cancelMillisecondsMax), onResult)
        } catch {
            link.condemn()
            throw PostgresError(
                .timedOut,
                "the statement's time was over and the server did not confirm its cancellation (\(error.message)); "
                    + "the connection is given up, and what the statement did is unknown")
        }
    }
}
