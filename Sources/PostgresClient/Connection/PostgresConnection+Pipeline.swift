import CPostgreSQL
import Core

/// Gathers the statements of one pipeline.
package final class PostgresPipeline {
    /// How many statements one pipeline takes.
    package static let statementsMax = 10_000

    struct Statement {
        let key: PreparedStatementCache.Key
        let parameters: PostgresParameters
    }

    private(set) var statements: [Statement] = []

    /// Adds a statement. Returns its number, from 0: its place in the results.
    @discardableResult
    package func queue(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError) -> Int {
        guard statements.count < Self.statementsMax else {
            throw PostgresError(.usage, "more than \(Self.statementsMax) statements in one pipeline: send them in parts")
        }
        try PostgresConnection.check(sql)
        let encoded = try PostgresParameters(parameters)
        statements.append(Statement(key: PreparedStatementCache.Key(sql: sql, types: encoded.types), parameters: encoded))
        return statements.count - 1
    }
}

extension PostgresConnection {
    /// Sends many statements without waiting in between, and gives their results in order.
    ///
    /// They are one transaction (or part of the open one): when one fails, nothing of the pipeline stays, and its error comes
    /// out here with `statementIndex`.
    package func pipeline(
        timeoutMilliseconds: Int? = nil, _ body: (PostgresPipeline) throws -> Void
    ) throws -> [PostgresResult] {
        let pipeline = PostgresPipeline()
        try body(pipeline)
        guard !pipeline.statements.isEmpty else { return [] }
        return try exclusively { link throws(PostgresError) in
            let deadline = self.deadline(timeoutMilliseconds)
            try self.deallocateCondemned(link, deadline)
            return try self.run(pipeline.statements, link, deadline)
        }
    }

    /// What was sent and whose answer is due.
    private struct Sent {
        /// The number of the statement.
        let index: Int
        let key: PreparedStatementCache.Key
        /// For a preparation, the name given.
        let newName: String?
    }

    private struct Answers {
        var sent: [Sent] = []
        var isEndSent = false
        var answered = 0
        var results: [PostgresResult] = []
        var failure: PostgresError?
    }

    private func run(
        _ pipeline: [PostgresPipeline.Statement], _ link: PostgresLink, _ deadline: Deadline
    ) throws(PostgresError) -> [PostgresResult] {
        guard PQenterPipelineMode(link.raw) == 1 else { throw .lost(link.raw) }
        var answers = Answers()
        var didTimeOut = false
        do throws(PostgresError) {
            do throws(PostgresError) {
                try send(pipeline, link, &answers, deadline)
            } catch  where error.code == .usage {
                // Refused on this side: what was sent before it still has to be read.
                answers.failure = error
            }
            try sendEnd(link, &answers)
            try link.flush(deadline)
            try read(link, &answers, deadline)
        } catch {
            guard error.code == .timedOut else {
                link.condemn()
                throw error
            }
            didTimeOut = true
            try finishLate(link, &answers)
        }
        guard PQexitPipelineMode(link.raw) == 1 else {
            link.condemn()
            throw .lost(link.raw)
        }
        if let failure = answers.failure {
            if failure.code == .connectionLost { link.condemn() }
            guard didTimeOut, failure.code == .cancelled else { throw failure }
            throw PostgresError(
                .timedOut, "the pipeline's time was over; it was cancelled on the server", sqlState: failure.sqlState,
                statementIndex: failure.statementIndex)
        }
        guard answers.results.count == pipeline.count else {
            throw PostgresError(.timedOut, "the pipeline's time was over before all of it was sent; nothing of it was done")
        }
        return answers.results
    }

    private func send(
        _ pipeline: [PostgresPipeline.Statement], _ link: PostgresLink, _ answers: inout Answers, _ deadline: Deadline
    ) throws(PostgresError) {
        var names: [PreparedStatementCache.Key: String] = [:]
        for (index, statement) in pipeline.enumerated() {
            var name = names[statement.key] ?? statements.name(of: statement.key)
            if name == nil {
                let fresh = statements.newName()
                try send(link) {
                    PQsendPrepare(link.raw, fresh, statement.key.sql, Int32(statement.key.types.count), statement.key.types)
                }
                answers.sent.append(Sent(index: index, key: statement.key, newName: fresh))
                name = fresh
            }
            names[statement.key] = name
            try send(link) {
                statement.parameters.withLibpqArguments { PQsendQueryPrepared(link.raw, name, $0, $2, $3, $4, 0) }
            }
            answers.sent.append(Sent(index: index, key: statement.key, newName: nil))
            // Bounds what waits unsent on this side.
            if index % 64 == 63 { try link.flush(deadline) }
        }
    }

    private func sendEnd(_ link: PostgresLink, _ answers: inout Answers) throws(PostgresError) {
        guard PQpipelineSync(link.raw) == 1 else { throw .lost(link.raw) }
        answers.isEndSent = true
    }

    /// Reads up to the pipeline's end, going on where an earlier call stopped.
    private func read(_ link: PostgresLink, _ answers: inout Answers, _ deadline: Deadline) throws(PostgresError) {
        while answers.answered < answers.sent.count {
            let sent = answers.sent[answers.answered]
            // A statement's results end with nil.
            while let result = try link.nextResult(deadline) {
                if let failure = failure(of: result, link) {
                    if answers.failure == nil {
                        answers.failure = failure
                        answers.failure?.statementIndex = sent.index
                    }
                    if failure.code == .connectionLost { throw failure }
                    if isStale(failure) { statements.forget(sent.key, isGoneOnServer: failure.sqlState == "26000") }
                } else if let name = sent.newName {
                    statements.insert(sent.key, name: name)
                } else {
                    answers.results.append(PostgresResult(result))
                }
            }
            answers.answered += 1
        }
        while let result = try link.nextResult(deadline) {
            if result.status == PGRES_PIPELINE_SYNC { return }
        }
    }

    private func finishLate(_ link: PostgresLink, _ answers: inout Answers) throws(PostgresError) {
        do throws(PostgresError) {
            try cancelHandle.cancel(timeoutMilliseconds: Self.cancelMillisecondsMax)
            let grace = Deadline.after(milliseconds: Self.cancelMillisecondsMax)
            if !answers.isEndSent { try sendEnd(link, &answers) }
            try link.flush(grace)
            try read(link, &answers, grace)
        } catch {
            link.condemn()
            throw PostgresError(
                .timedOut,
                "the pipeline's time was over and the server did not confirm its cancellation (\(error.message)); "
                    + "the connection is given up")
        }
    }
}
