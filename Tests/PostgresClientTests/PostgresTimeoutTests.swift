import Glibc
import PostgresClient
import TestServers
import Testing

@Suite struct PostgresTimeoutTests {
    private static let stillRunning = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"

    @Test("a statement whose time is over is gone on the server, and the connection goes on")
    func timeout() async throws {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        let observer = try database.connect()
        let start = ContinuousClock.now
        #expect { _ = try connection.execute("SELECT pg_sleep(30)", timeoutMilliseconds: 100) } throws: {
            ($0 as? PostgresError)?.code == .timedOut
        }
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(try observer.execute(Self.stillRunning, [.int(Int64(connection.serverPID))]).int(0, 0) == 0)
        #expect(connection.isUsable)
        #expect(try connection.execute("SELECT $1", [42]).int(0, 0) == 42)
    }

    @Test("the configuration's time limit holds for every call that names none: execute, script, pipeline, COPY both ways")
    func standardTimeout() async throws {
        let database = try await TestDatabase.create()
        let connection = try PostgresConnection(try database.configuration(statementTimeoutMilliseconds: 100))
        try connection.executeScript("CREATE TABLE t(id bigint)")
        let blocker = try database.connect()
        let isTimeout: (any Error) -> Bool = { ($0 as? PostgresError)?.code == .timedOut }
        #expect(performing: { _ = try connection.execute("SELECT pg_sleep($1::int)", [30]) }, throws: isTimeout)
        #expect(performing: { try connection.executeScript("SELECT 1; SELECT pg_sleep(30)") }, throws: isTimeout)
        #expect(
            performing: {
                _ = try connection.pipeline { pipeline in
                    try pipeline.queue("INSERT INTO t VALUES (1)")
                    try pipeline.queue("SELECT pg_sleep(30)")
                    try pipeline.queue("SELECT 1")
                }
            }, throws: isTimeout)
        #expect(performing: { try connection.copyOut("COPY (SELECT pg_sleep(30)) TO STDOUT") { _ in } }, throws: isTimeout)
        try blocker.transaction {
            _ = try blocker.execute("LOCK TABLE t")
            #expect(performing: { try connection.copyIn("COPY t FROM STDIN") { try $0.write("1\n") } }, throws: isTimeout)
        }
        #expect(try connection.execute("SELECT count(*) FROM t").int(0, 0) == 0)
        #expect(try connection.execute("SELECT pg_sleep(0.3)", timeoutMilliseconds: 10_000).rowCount == 1)
    }

    @Test("inside a transaction a timeout fails the transaction and nothing else")
    func timeoutInTransaction() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint)")
        #expect {
            try connection.transaction {
                _ = try connection.execute("INSERT INTO t VALUES (1)")
                _ = try connection.execute("SELECT pg_sleep(30)", timeoutMilliseconds: 50)
            }
        } throws: { ($0 as? PostgresError)?.code == .timedOut }
        #expect(!connection.isInTransaction)
        #expect(try connection.execute("SELECT count(*) FROM t").int(0, 0) == 0)
    }

    @Test("a statement is cancelled from another thread, and an idle connection shrugs a cancellation off")
    func cancelFromAnotherThread() async throws {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        let handle = connection.cancelHandle
        try handle.cancel()
        #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
        let observer = try PostgresPool(configuration: try database.configuration(), connections: 1, pendingMax: 1)
        let pid = connection.serverPID
        async let cancelled: Void = observer.withConnection { watch in
            while try watch.execute(Self.stillRunning, [.int(Int64(pid))]).int(0, 0) == 0 {}
            try handle.cancel()
        }
        // Long: the observer may have to wait for one of Swift's threads, and must find the statement running.
        #expect { _ = try connection.execute("SELECT pg_sleep(600)") } throws: { ($0 as? PostgresError)?.code == .cancelled }
        try await cancelled
        #expect(try connection.execute("SELECT 2").int(0, 0) == 2)
        await observer.shutdown()
    }

    @Test("a cancel handle outlives its connection and says so, and follows a reset")
    func cancelHandleAfterClose() async throws {
        let connection = try await TestDatabase.create().connect()
        let handle = connection.cancelHandle
        try connection.reset()
        try handle.cancel()
        #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
        connection.close()
        #expect { try handle.cancel() } throws: { ($0 as? PostgresError)?.code == .connectionLost }
        #expect { _ = try connection.execute("SELECT 1") } throws: { ($0 as? PostgresError)?.code == .connectionLost }
        #expect(!connection.isUsable)
        try connection.reset()
        #expect(try connection.execute("SELECT 3").int(0, 0) == 3)
    }

    @Test("a server that stops answering altogether ends the call in time and the connection with it")
    func frozenServer() async throws {
        let server = try await PrivatePostgres.start()
        let connection = try PostgresConnection(try PostgresConfiguration(url: server.url, applicationName: "frozen"))
        let backend = connection.serverPID
        let postmaster = try #require(server.pid)
        #expect(kill(backend, SIGSTOP) == 0)
        #expect(kill(postmaster, SIGSTOP) == 0)
        let start = ContinuousClock.now
        #expect { _ = try connection.execute("SELECT 1", timeoutMilliseconds: 100) } throws: {
            ($0 as? PostgresError)?.code == .timedOut && "\($0)".contains("given up")
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(!connection.isUsable)
        kill(postmaster, SIGCONT)
        kill(backend, SIGCONT)
        try connection.reset()
        #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
        try await server.stop()
    }
}
