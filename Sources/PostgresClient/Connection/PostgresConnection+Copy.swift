import CPostgreSQL
import Core

extension PostgresConnection {
    /// Runs a `COPY … TO STDOUT` and hands each message to `onRow`: in text and CSV format one row with its line end; in
    /// binary format one row too, the first preceded by the 19-byte file header, and at last the 2-byte trailer alone.
    ///
    /// The bytes are libpq's own buffer, valid during the call only. A throw from `onRow` cancels the COPY on the server and
    /// comes out here; the connection is then usable again (an open transaction has failed).
    /// - Returns: the number of rows, as the server counted them.
    @discardableResult
    package func copyOut(
        _ sql: String, timeoutMilliseconds: Int? = nil, _ onRow: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        try Self.check(sql)
        var thrown: (any Error)?
        let count = try exclusively { link throws(PostgresError) -> Int in
            let deadline = self.deadline(timeoutMilliseconds)
            try self.send(link) { PQsendQueryParams(link.raw, sql, 0, nil, nil, nil, nil, 0) }
            try self.begin(link, PGRES_COPY_OUT, "COPY … TO STDOUT", deadline)
            do throws(PostgresError) {
                while thrown == nil,
                    try link.nextCopyRow(deadline, { row in do { try onRow(row) } catch { thrown = error } })
                {}
            } catch {
                guard error.code == .timedOut else { throw error }
                try self.cancelAndDrain(link) { _ in }
                throw PostgresError(.timedOut, "the COPY's time was over; it was cancelled on the server")
            }
            guard thrown == nil else {
                try self.cancelAndDrain(link) { _ in }
                return 0
            }
            return try self.results(link, deadline).last.map { PostgresResult($0).affectedRows } ?? 0
        }
        if let thrown { throw thrown }
        return count
    }

    /// Runs a `COPY … FROM STDIN` with the bytes `body` writes.
    ///
    /// A throw from `body` aborts the COPY on the server with that reason and comes out here: no row is kept. A row the
    /// server refuses is reported after `body` has ended, since only then the server's answer is read. The connection is
    /// usable afterwards (an open transaction has failed).
    /// - Returns: the number of rows, as the server counted them.
    @discardableResult
    package func copyIn(
        _ sql: String, timeoutMilliseconds: Int? = nil, _ body: (PostgresCopyWriter) throws -> Void
    ) throws -> Int {
        try Self.check(sql)
        var thrown: (any Error)?
        let count = try exclusively { link throws(PostgresError) -> Int in
            let deadline = self.deadline(timeoutMilliseconds)
            try self.send(link) { PQsendQueryParams(link.raw, sql, 0, nil, nil, nil, nil, 0) }
            try self.begin(link, PGRES_COPY_IN, "COPY … FROM STDIN", deadline)
            let writer = PostgresCopyWriter(link, deadline)
            do { try body(writer) } catch { thrown = error }
            do throws(PostgresError) {
                try writer.finish(abortingWith: thrown)
            } catch {
                // The writer's own trouble comes first, even when `body` swallowed it.
                thrown = nil
                guard error.code == .timedOut else { throw self.farewell(link) ?? error }
                try self.cancelAndDrain(link) { _ in }
                throw PostgresError(.timedOut, "the COPY's time was over; it was cancelled on the server")
            }
            guard thrown == nil else {
                // The server confirms the abort with an error of its own; only a lost session matters here.
                do throws(PostgresError) {
                    _ = try self.results(link, deadline)
                } catch  where !error.isConnectionFailure && error.code != .timedOut {}
                return 0
            }
            return try self.results(link, deadline).last.map { PostgresResult($0).affectedRows } ?? 0
        }
        if let thrown { throw thrown }
        return count
    }

    /// Waits for the server to enter the COPY; any other answer is read to its end and thrown.
    private func begin(
        _ link: PostgresLink, _ expected: ExecStatusType, _ name: String, _ deadline: Deadline
    ) throws(PostgresError) {
        var first: PostgresResult.Storage?
        do throws(PostgresError) {
            try link.flush(deadline)
            first = try link.nextResult(deadline)
        } catch {
            guard error.code == .timedOut else { throw error }
            try cancelAndDrain(link) { _ in }
            throw PostgresError(.timedOut, "the COPY's time was over before it began; it was cancelled on the server")
        }
        guard let first, first.status != expected else {
            if first == nil { throw PostgresError(.usage, "the statement is empty; expected \(name)") }
            return
        }
        let isOtherCopy = first.status == PGRES_COPY_IN || first.status == PGRES_COPY_OUT
        let problem = isOtherCopy ? nil : failure(of: first, link)
        if isOtherCopy {
            try cancelAndDrain(link) { _ in }
        } else {
            _ = try results(link, deadline)
        }
        if let problem, problem.code == .connectionLost { link.condemn() }
        throw problem ?? PostgresError(.usage, "the statement is not a \(name)")
    }

    /// What a server that ended the session said before it went.
    private func farewell(_ link: PostgresLink) -> PostgresError? {
        var words: PostgresError?
        do {
            try link.drain(.after(milliseconds: Self.cancelMillisecondsMax)) { result in
                if words == nil, result.status == PGRES_FATAL_ERROR { words = self.failure(of: result, link) }
            }
        } catch {
            link.condemn()
        }
        return words
    }
}
