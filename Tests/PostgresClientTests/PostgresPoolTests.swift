import PostgresClient
import Synchronization
import TestServers
import Testing

@Suite struct PostgresPoolTests {
    private final class Counter: Sendable {
        let value = Mutex(0)
    }

    @Test("many jobs on few connections all get their own answer")
    func answers() async throws {
        let database = try await TestDatabase.create()
        let pool = try PostgresPool(configuration: try database.configuration(), connections: 3, pendingMax: 1000)
        let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 1...500 {
                group.addTask { try await pool.withConnection { try $0.execute("SELECT $1", [.int(Int64(number))]).int(0, 0) } }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 500 * 501 / 2)
        await pool.shutdown()
    }

    @Test("past its bound the queue refuses at once, and shutdown fails what waits and lets finish what runs")
    func bounds() async throws {
        let database = try await TestDatabase.create()
        let pool = try PostgresPool(configuration: try database.configuration(), connections: 1, pendingMax: 2)
        let (started, hasStarted) = AsyncStream<Void>.makeStream()
        let released = Counter()
        let gate = try database.connect()
        _ = try gate.execute("SELECT pg_advisory_lock(1)")
        let running = Task {
            try await pool.withConnection { connection in
                hasStarted.finish()
                _ = try connection.execute("SELECT pg_advisory_lock(1)")
                released.value.withLock { $0 += 1 }
                return "finished"
            }
        }
        for await _ in started {}
        let waiting = (0..<2).map { _ in Task { try await pool.withConnection { _ in } } }
        while pool.pendingCount < 2 { await Task.yield() }
        await #expect {
            try await pool.withConnection { _ in }
        } throws: { ($0 as? PostgresError)?.code == .queueFull }
        let shutdown = Task { await pool.shutdown() }
        for task in waiting {
            await #expect { try await task.value } throws: { ($0 as? PostgresError)?.code == .shutDown }
        }
        #expect(released.value.withLock { $0 } == 0)
        _ = try gate.execute("SELECT pg_advisory_unlock(1)")
        #expect(try await running.value == "finished")
        await shutdown.value
        await #expect {
            try await pool.withConnection { _ in }
        } throws: { ($0 as? PostgresError)?.code == .shutDown }
    }

    @Test("cancelling the task ends a waiting job at once and a running one's statement on the server")
    func taskCancellation() async throws {
        let database = try await TestDatabase.create()
        let pool = try PostgresPool(configuration: try database.configuration(), connections: 1, pendingMax: 10)
        let (started, hasStarted) = AsyncStream<Void>.makeStream()
        let running = Task {
            try await pool.withConnection { connection in
                hasStarted.finish()
                _ = try connection.execute("SELECT pg_sleep(50)")
            }
        }
        for await _ in started {}
        let waiting = Task { try await pool.withConnection { _ in } }
        while pool.pendingCount < 1 { await Task.yield() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let observer = try database.connect()
        while try observer.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        )
        .int(0, 0) == 0 { await Task.yield() }
        running.cancel()
        await #expect { try await running.value } throws: { ($0 as? PostgresError)?.code == .cancelled }
        #expect(try await pool.withConnection { try $0.execute("SELECT 1").int(0, 0) } == 1)
        await pool.shutdown()
    }

    @Test("a transaction a job leaves open is rolled back before the next job")
    func openTransaction() async throws {
        let database = try await TestDatabase.create()
        let pool = try PostgresPool(configuration: try database.configuration(), connections: 1, pendingMax: 10)
        try await pool.withConnection { try $0.executeScript("CREATE TABLE t(id bigint)") }
        try await pool.withConnection { connection in
            _ = try connection.execute("BEGIN")
            _ = try connection.execute("INSERT INTO t VALUES (1)")
        }
        let (isOpen, count) = try await pool.withConnection {
            ($0.isInTransaction, try $0.execute("SELECT count(*) FROM t").int(0, 0))
        }
        #expect(!isOpen)
        #expect(count == 0)
        await pool.shutdown()
    }

    @Test("over a restart and a crash of the server, running jobs are told, none runs twice, and waiting and later ones work")
    func restart() async throws {
        let server = try await PrivatePostgres.start(durable: true)
        let configuration = try PostgresConfiguration(url: server.url, applicationName: "pool", connectTimeoutMilliseconds: 2000)
        let pool = try PostgresPool(configuration: configuration, connections: 2, pendingMax: 100)
        try await pool.withConnection { try $0.executeScript("CREATE TABLE ran(job bigint)") }
        for isCrash in [false, true] {
            let runs = Counter()
            let (started, hasStarted) = AsyncStream<Void>.makeStream()
            let running = (0..<2).map { _ in
                Task {
                    try await pool.withConnection { connection in
                        runs.value.withLock { $0 += 1 }
                        hasStarted.yield()
                        // Longer than the others may need to begin waiting on a crowded machine.
                        _ = try connection.execute("SELECT pg_sleep(600)")
                    }
                }
            }
            var begun = 0
            for await _ in started {
                begun += 1
                if begun == 2 { break }
            }
            // These start only after the crash, on connections that are found broken then.
            let waiting = (1...10).map { job in
                Task {
                    try await pool.withConnection { _ = try $0.execute("INSERT INTO ran VALUES ($1)", [.int(Int64(job))]) }
                }
            }
            while pool.pendingCount < 10 { await Task.yield() }
            if isCrash { try await server.kill() } else { try await server.stop() }
            for task in running {
                await #expect { try await task.value } throws: { ($0 as? PostgresError)?.code == .connectionLost }
            }
            try await server.restart()
            for task in waiting { try await task.value }
            #expect(runs.value.withLock { $0 } == 2)
        }
        let rows = try await pool.withConnection { try $0.execute("SELECT count(*), count(DISTINCT job) FROM ran") }
        #expect(try rows.int(0, 0) == 20)
        #expect(try rows.int(0, 1) == 10)

        // An idle pool whose server was restarted works again at the first job.
        try await server.restart()
        #expect(try await pool.withConnection { try $0.execute("SELECT 1").int(0, 0) } == 1)
        await pool.shutdown()
    }

    @Test("while the server is away every job ends within its connect wait, and a wrong password at once")
    func serverAway() async throws {
        let away = try PostgresConfiguration(url: "postgresql://a:topsecret@127.0.0.1:1/db", applicationName: "away")
        let pool = try PostgresPool(configuration: away, connections: 1, pendingMax: 100, connectWaitMilliseconds: 300)
        let start = ContinuousClock.now
        let jobs = (0..<20).map { _ in Task { try await pool.withConnection { _ in } } }
        for job in jobs {
            await #expect { try await job.value } throws: {
                ($0 as? PostgresError)?.code == .cannotConnect && !"\($0)".contains("topsecret")
            }
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        await pool.shutdown()

        let server = try await PrivatePostgres.shared()
        let wrong = try PostgresConfiguration(
            url: "postgresql://postgres:topsecret@127.0.0.1:\(server.port)/db", applicationName: "wrong")
        let refused = try PostgresPool(configuration: wrong, connections: 1, pendingMax: 10, connectWaitMilliseconds: 60_000)
        await #expect { try await refused.withConnection { _ in } } throws: { ($0 as? PostgresError)?.code == .accessRefused }
        await refused.shutdown()
    }

    @Test("a shutdown does not wait for a server that is away")
    func shutdownWhileAway() async throws {
        let away = try PostgresConfiguration(url: "postgresql://a@127.0.0.1:1/db", applicationName: "away")
        let pool = try PostgresPool(configuration: away, connections: 2, pendingMax: 100, connectWaitMilliseconds: 60_000)
        let jobs = (0..<5).map { _ in Task { try await pool.withConnection { _ in } } }
        while pool.pendingCount > 3 || pool.pendingCount == 0 { await Task.yield() }
        let start = ContinuousClock.now
        await pool.shutdown()
        #expect(ContinuousClock.now - start < .seconds(30))
        for job in jobs {
            await #expect { try await job.value } throws: { ($0 as? PostgresError)?.code == .shutDown }
        }
    }
}
