import Core
import JobQueue
import PostgresClient
import RedisClient
import Store
import TestServers
import Testing

@testable import Worker

@Suite struct CommissionHandlerTests {
    private struct Desk {
        let ledger: LedgerDatabase
        let handler: CommissionHandler
        let jobs: [Job]

        /// - Parameter statementMilliseconds: how long one statement of the handler's may take.
        static func open(on server: PrivatePostgres? = nil, statementMilliseconds: Int = 20_000) async throws -> Desk {
            let ledger = try await LedgerDatabase.create(on: server)
            let redis = try await PrivateRedis.start()
            return try await ScratchServer.blocking {
                try ledger.addWaiting(3, shard: 1)
                let owned = OwnedShards()
                owned.set(LedgerDatabase.ownership(1))
                let configuration = try PostgresConfiguration(
                    url: ledger.database.url, applicationName: "fature tests payments", connectTimeoutMilliseconds: 1000,
                    statementTimeoutMilliseconds: statementMilliseconds
                ).settings(CommissionHandler.settings)
                let orders = try TransactionSweep.waiting(
                    [.init(shard: ShardID(1), acceptedBefore: .max)], on: try ledger.connect())
                let queue = JobQueue(.commission, on: try redis.connect())
                _ = try queue.add(try orders.map { try CommissionJob.job(for: $0) })
                var limits = TakeLimits(perShardMax: 10, jobsMax: 10)
                limits.released = .none
                let jobs = try queue.take([OwnedShard(ShardID(1), LedgerDatabase.epoch)], limits).jobs
                #expect(jobs.count == 3)
                return Desk(
                    ledger: ledger, handler: CommissionHandler(configuration: configuration, owned: owned, meter: PaymentMeter()),
                    jobs: jobs)
            }
        }

        /// What the handler throws; nil when all are done.
        func attempt() async throws -> HandlerUnavailable.Reach? {
            try await ScratchServer.blocking {
                do {
                    let outcomes = try handler.handle(jobs, deadline: .after(milliseconds: 30_000))
                    for outcome in outcomes { if case .done = outcome { continue } else { throw TestServerError("\(outcome)") } }
                    return nil
                } catch let error as HandlerUnavailable {
                    return error.reach
                }
            }
        }
    }

    @Test(
        "whoever holds what a payment needs holds it up without failing its jobs, and they are paid afterwards",
        arguments: [
            "UPDATE fature_v2.shard SET epoch = epoch WHERE id = 1",
            "LOCK TABLE fature_v2.transactions IN ACCESS EXCLUSIVE MODE",
            "LOCK TABLE fature_v2.commission_plan IN ACCESS EXCLUSIVE MODE",
            "SELECT pg_advisory_xact_lock(hashtextextended('fature_v2.commission_plan', 0))",
        ])
    func locked(sql: String) async throws {
        let desk = try await Desk.open()
        let holder = try desk.ledger.connect()
        try holder.executeScript("BEGIN; \(sql)")
        #expect(try await desk.attempt() == .someJobs)
        try holder.executeScript("ROLLBACK")
        #expect(try await desk.attempt() == nil)
    }

    @Test("a statement that takes too long, here or by the server's own word, fails no job", arguments: [true, false])
    func slow(isOurs: Bool) async throws {
        let desk = try await Desk.open(statementMilliseconds: isOurs ? 300 : 20_000)
        try await ScratchServer.blocking {
            let connection = try desk.ledger.connect()
            if !isOurs {
                try connection.executeScript("ALTER DATABASE \(desk.ledger.database.name) SET statement_timeout = '300ms'")
            }
        }
        let holder = try desk.ledger.connect()
        try holder.executeScript("SET statement_timeout = 0; BEGIN; LOCK TABLE fature_v2.transactions IN ACCESS EXCLUSIVE MODE")
        #expect(try await desk.attempt() == .someJobs)
        try holder.executeScript("ROLLBACK")
        #expect(try await desk.attempt() == nil)
    }

    @Test("a payment whose session is ended, or that finds nobody at PostgreSQL's address, fails no job; later it is paid")
    func away() async throws {
        let server = try await PrivatePostgres.start()
        let desk = try await Desk.open(on: server)
        let holder = try desk.ledger.connect()
        try holder.executeScript("BEGIN; LOCK TABLE fature_v2.transactions IN ACCESS EXCLUSIVE MODE")
        async let attempt = desk.attempt()
        try await ScratchServer.blocking {
            let killer = try desk.ledger.connect()
            while try killer.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'fature tests payments' AND wait_event_type = 'Lock'
                """
            ).rowCount == 0 { _ = try killer.execute("SELECT pg_sleep(0.02)") }
        }
        #expect(try await attempt == .everything)
        try holder.executeScript("ROLLBACK")
        try await server.stop()
        #expect(try await desk.attempt() == .everything)
        try await server.restart()
        #expect(try await desk.attempt() == nil)
    }

    @Test("plans that are not there or not readable are nobody's failure")
    func noProgramme() async throws {
        let desk = try await Desk.open()
        try await ScratchServer.blocking {
            try desk.ledger.connect().executeScript(
                "CREATE TABLE kept AS TABLE fature_v2.programme; DELETE FROM fature_v2.programme")
        }
        #expect(try await desk.attempt() == .everything)
        try await ScratchServer.blocking {
            try desk.ledger.connect().executeScript("INSERT INTO fature_v2.programme SELECT * FROM kept")
        }
        #expect(try await desk.attempt() == nil)
        // With plans in its memory by now.
        try await ScratchServer.blocking { try desk.ledger.connect().executeScript("DELETE FROM fature_v2.programme") }
        #expect(try await desk.attempt() == .everything)
    }
}
