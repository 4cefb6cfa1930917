import Glibc
import PostgresClient
import TestServers
import Testing

@Suite struct PostgresStatementTests {
    @Test("an error carries SQLSTATE, constraint, table and detail, and the connection goes on")
    func errors() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint CONSTRAINT t_once PRIMARY KEY); INSERT INTO t VALUES (1)")
        let error = #expect(throws: PostgresError.self) { _ = try connection.execute("INSERT INTO t VALUES ($1)", [1]) }
        #expect(error?.code == .server)
        #expect(error?.sqlState == "23505")
        #expect(error?.constraint == "t_once")
        #expect(error?.table == "t")
        #expect(error?.detail == "Key (id)=(1) already exists.")
        #expect(error?.isConnectionFailure == false)
        #expect(throws: PostgresError.self) { _ = try connection.execute("") }
        #expect(throws: PostgresError.self) { try connection.executeScript("SELECT 1; SELECT 1/0; CREATE TABLE never(id int)") }
        #expect(try connection.execute("SELECT to_regclass('never')").isNull(0, 0))
    }

    @Test("the cache of prepared statements is bounded on the server too, and evicted statements still work")
    func cacheEviction() async throws {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        let count = PostgresConnection.preparedStatementsMax * 3
        for round in 0..<2 {
            for number in 0..<count {
                let result = try connection.execute("SELECT $1 + \(number)", [.int(Int64(round))])
                #expect(try result.int(0, 0) == Int64(round + number))
            }
        }
        let held = try connection.execute("SELECT count(*) FROM pg_prepared_statements").int(0, 0)
        #expect(held > 0)
        #expect(held <= Int64(PostgresConnection.preparedStatementsMax))

        // In one transaction too, where names somebody else dropped must not fail it.
        try connection.executeScript("DEALLOCATE ALL")
        try connection.transaction {
            for number in 0..<500 { _ = try connection.execute("SELECT $1 - \(number)", [0]) }
        }
        for number in 0..<200 { _ = try connection.execute("SELECT $1 * \(number)", [0]) }
        #expect(
            try connection.execute("SELECT count(*) FROM pg_prepared_statements").int(0, 0)
                <= Int64(PostgresConnection.preparedStatementsMax))
    }

    @Test("a prepared statement survives a change of its table and a DISCARD of all plans")
    func stalePlans() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(a bigint); INSERT INTO t VALUES (1)")
        let sql = "SELECT * FROM t WHERE a = $1"
        for _ in 0..<3 { #expect(try connection.execute(sql, [1]).columnCount == 1) }
        try connection.executeScript("ALTER TABLE t ADD b text DEFAULT 'x'")
        #expect(try connection.execute(sql, [1]).columnCount == 2)
        try connection.executeScript("DEALLOCATE ALL")
        #expect(try connection.execute(sql, [1]).columnCount == 2)
    }

    @Test("a transaction commits as a whole, rolls back as a whole, and does not nest")
    func transactions() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint)")
        try connection.transaction { _ = try connection.execute("INSERT INTO t VALUES ($1)", [1]) }
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try connection.transaction {
                _ = try connection.execute("INSERT INTO t VALUES ($1)", [2])
                throw Stop()
            }
        }
        #expect { try connection.transaction { try connection.transaction {} } } throws: {
            ($0 as? PostgresError)?.code == .usage
        }
        #expect(!connection.isInTransaction)
        #expect {
            try connection.transaction(.snapshotReadOnly) { _ = try connection.execute("INSERT INTO t VALUES (3)") }
        } throws: {
            ($0 as? PostgresError)?.sqlState == "25006"
        }
        #expect(try connection.execute("SELECT array_agg(id) FROM t").intArray(0, 0) == [1])
    }

    @Test("a COMMIT that the server turns into a ROLLBACK is an error")
    func swallowedError() async throws {
        let connection = try await TestDatabase.create().connect()
        #expect {
            try connection.transaction {
                #expect(throws: PostgresError.self) { _ = try connection.execute("SELECT 1/0") }
            }
        } throws: { "\($0)".contains("COMMIT answered ROLLBACK") }
        #expect(!connection.isInTransaction)
    }

    @Test("a pipeline gives results in order, and one error undoes all of it and names its statement")
    func pipeline() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint PRIMARY KEY)")
        let results = try connection.pipeline { pipeline in
            for number in 0..<1000 {
                try pipeline.queue("INSERT INTO t VALUES ($1) RETURNING id * 2", [.int(Int64(number))])
            }
            try pipeline.queue("SELECT count(*) FROM t")
        }
        #expect(results.count == 1001)
        #expect(try results.prefix(1000).map { try $0.int(0, 0) } == (0..<1000).map { Int64($0 * 2) })
        #expect(try results[1000].int(0, 0) == 1000)

        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline { pipeline in
                try pipeline.queue("INSERT INTO t VALUES ($1)", [5000])
                try pipeline.queue("INSERT INTO t VALUES ($1)", [7])
                try pipeline.queue("INSERT INTO t VALUES ($1), ($2)", [5001, 5002])
            }
        }
        #expect(error?.statementIndex == 1)
        #expect(error?.sqlState == "23505")
        #expect(try connection.execute("SELECT count(*) FROM t").int(0, 0) == 1000)
        // What was prepared before, in and after the failed pipeline all works.
        #expect(try connection.execute("INSERT INTO t VALUES ($1), ($2)", [5001, 5002]).affectedRows == 2)
        #expect(try connection.execute("INSERT INTO t VALUES ($1)", [5003]).affectedRows == 1)
        #expect(try connection.pipeline { _ in }.isEmpty)
    }

    @Test("a pipeline with more data than both sides' buffers hold does not block")
    func largePipeline() async throws {
        let connection = try await TestDatabase.create().connect()
        let text = String(repeating: "ç", count: 50_000)
        let results = try connection.pipeline(timeoutMilliseconds: 30_000) { pipeline in
            for _ in 0..<300 { try pipeline.queue("SELECT $1::text", [.text(text)]) }
        }
        #expect(try results.allSatisfy { try $0.text(0, 0) == text })
    }

    @Test("notices go to the handler")
    func notices() async throws {
        let connection = try await TestDatabase.create().connect()
        var notices: [PostgresNotice] = []
        connection.onNotice = { notices.append($0) }
        try connection.executeScript("DO $$ BEGIN RAISE NOTICE 'hello %', 1; RAISE WARNING 'take care'; END $$")
        #expect(notices.map(\.message) == ["hello 1", "take care"])
        #expect(notices.map(\.severity) == ["NOTICE", "WARNING"])
    }

    @Test("a notification reaches the listener, whatever the channel's name, and a wait without one ends in time")
    func notifications() async throws {
        let database = try await TestDatabase.create()
        let listener = try database.connect()
        let sender = try database.connect()
        let channel = "Odd \"name\"; --"
        try listener.listen(channel)
        #expect(try listener.waitForNotification(timeoutMilliseconds: 10) == nil)
        _ = try sender.execute("SELECT pg_notify($1, $2)", [.text(channel), "shard 7"])
        let notification = try listener.waitForNotification(timeoutMilliseconds: 5000)
        #expect(notification?.channel == channel)
        #expect(notification?.payload == "shard 7")
        #expect(notification?.senderPID == sender.serverPID)
        // One that arrives beside another answer is kept.
        _ = try sender.execute("SELECT pg_notify($1, 'second')", [.text(channel)])
        _ = try listener.execute("SELECT 1")
        #expect(try listener.waitForNotification(timeoutMilliseconds: 5000)?.payload == "second")
        try listener.unlisten(channel)
        // A session that ends while it listens says so.
        try listener.listen(channel)
        _ = try sender.execute("SELECT pg_terminate_backend($1::int)", [.int(Int64(listener.serverPID))])
        #expect { _ = try listener.waitForNotification(timeoutMilliseconds: 5000) } throws: {
            ($0 as? PostgresError)?.code == .connectionLost
        }
    }
}
