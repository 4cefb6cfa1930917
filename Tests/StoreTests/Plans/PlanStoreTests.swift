import Commission
import Core
import Foundation
import PostgresClient
import Store
import Testing

@Suite struct PlanStoreTests {
    /// A draft as a file would give it, without version and date.
    private func draft(_ name: String, rate: String = "4%", _ more: [(String, String)] = []) -> PlanNode {
        let bet = PlanNode(.fields([.init(name: "bet", value: PlanNode(.list([PlanNode(.text(rate))])))]))
        return PlanNode(
            .fields(
                [.init(name: "name", value: PlanNode(.text(name))), .init(name: "percentage", value: bet)]
                    + more.map { .init(name: $0.0, value: PlanNode(.text($0.1))) }))
    }

    @discardableResult
    private func apply(_ node: PlanNode, on connection: PostgresConnection, isDryRun: Bool = false) throws -> CommissionPlan {
        try PlanStore.apply(origin: StoreDatabase.origin, isDryRun: isDryRun, on: connection) {
            try CommissionPlan(node, issue: $0)
        }
    }

    private func now(_ connection: PostgresConnection) throws -> Int64 {
        try connection.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
    }

    @Test("a new database has the standard plan, and the migration holds its canonical JSON")
    func seed() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (revision, book) = try PlanStore.load(connection)
        #expect(revision == 0)
        #expect(book.plans == [.standard])
        #expect(Migration.all.contains { $0.name == "default_plan" && $0.up.contains(CommissionPlan.standard.canonicalJSON) })
    }

    @Test("an applied plan is the next version, holds from some seconds from now, and raises the revision with an audit row")
    func applied() async throws {
        let connection = try await StoreDatabase.create().connect()
        let before = try now(connection)
        let applied = try apply(draft("summer"), on: connection)
        let after = try now(connection)
        #expect(applied.version == 2 && applied.name == "summer")
        let lead = TransactionDates.planLeadMicroseconds
        #expect((before + lead...after + lead).contains(applied.effectiveFrom))
        #expect(lead > TransactionDates.futureToleranceMicroseconds)
        let (revision, book) = try PlanStore.load(connection)
        #expect(revision == 1)
        #expect(book.plans == [.standard, applied])
        #expect(book.plan(at: applied.effectiveFrom - 1) == .standard && book.plan(at: applied.effectiveFrom) == applied)
        #expect(try PlanStore.list(connection).map(\.appliedBy) == ["fature", "tests"])
        let audit = try connection.rows(
            "SELECT table_name, record_id, operation, new_values ->> 'name', actor, request_id FROM fature_v2.audit_log")
        #expect(audit == ["commission_plan 2 insert summer tests request-1"])
    }

    @Test("a dry run answers what would be kept and changes nothing")
    func dryRun() async throws {
        let connection = try await StoreDatabase.create().connect()
        #expect(try apply(draft("summer"), on: connection, isDryRun: true).version == 2)
        let (revision, book) = try PlanStore.load(connection)
        #expect(revision == 0 && book.plans == [.standard])
        #expect(try connection.number("SELECT count(*) FROM fature_v2.audit_log") == 0)
    }

    @Test(
        "a plan that would change what has been paid, skips a number or is in another currency is refused, and nothing is changed"
    )
    func refusals() async throws {
        let connection = try await StoreDatabase.create().connect()
        func refusal(_ more: [(String, String)]) throws -> String {
            let error = #expect(throws: (any Error).self) {
                try apply(draft("summer", more), on: connection)
            }
            if let error = error as? PlanError { return error.code.rawValue }
            return (error as? PlanStoreError)?.code.rawValue ?? "\(String(describing: error))"
        }
        let json = ByteBuilder()
        json.appendRFC3339(unixMicroseconds: try now(connection) + TransactionDates.futureToleranceMicroseconds)
        let tooEarly = String(decoding: json.bytes, as: UTF8.self)
        #expect(try refusal([("effective_from", tooEarly)]) == "too_late")
        #expect(try refusal([("effective_from", "2020-01-01T00:00:00Z")]) == "too_late")
        #expect(try refusal([("version", "3")]) == "wrong_version")
        #expect(try refusal([("currency", "USD")]) == "wrong_currency")
        #expect(try refusal([("surprise", "1")]) == "unknown_field")
        #expect(try PlanStore.load(connection).revision == 0)
        let later = try apply(draft("winter", [("effective_from", "9000-01-01T00:00:00Z"), ("version", "2")]), on: connection)
        #expect(later.version == 2)
        #expect(try refusal([]) == "too_late", "a later version holds from a later date")
    }

    @Test("a plan is applied only after the payments that are going on, and those after it see its revision")
    func lock() async throws {
        let store = try await StoreDatabase.create()
        let payer = try store.connect()
        let operatorSession = try store.connect()
        try payer.transaction {
            _ = try payer.execute("SELECT plan_revision FROM fature_v2.programme FOR SHARE")
            _ = try operatorSession.execute("SET lock_timeout = '50ms'")
            let error = #expect(throws: PostgresError.self) {
                try apply(draft("summer"), on: operatorSession)
            }
            #expect(error?.sqlState == "55P03")
        }
        try apply(draft("summer"), on: operatorSession)
        #expect(try PlanStore.load(payer).revision == 1)
    }

    @Test("what is no plan in the database is named")
    func unreadable() async throws {
        let connection = try await StoreDatabase.create().connect()
        _ = try connection.execute(
            "UPDATE fature_v2.commission_plan SET definition = jsonb_set(definition, '{rounding}', '\"up\"')")
        let error = #expect(throws: PlanStoreError.self) { try PlanStore.load(connection) }
        #expect(error?.code == .unreadable)
        #expect(error?.message.hasPrefix("version 1 of the plan in the database is no plan: ") == true)
        _ = try connection.execute(
            "UPDATE fature_v2.commission_plan SET definition = jsonb_set(definition, '{rounding}', '\"half_even\"'), effective_from = now()"
        )
        #expect(throws: PlanStoreError.self) { try PlanStore.load(connection) }
    }

    @Test("a row of another program that is dated further ahead than callers' may be is refused: a later plan could hold for it")
    func futureDate() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(900)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.transactions (affiliate_id, transaction_type, amount, external_transaction_id, transaction_date)
            VALUES (900, 'bet', 1, 'a', now()), (900, 'bet', 1, 'b', now() + $1 * interval '1 microsecond' + interval '1 minute')
            """, [.int(TransactionDates.futureToleranceMicroseconds)])
        let (adopted, refused) = try TransactionSweep.adopt(on: connection)
        #expect(adopted == 1 && refused == 1)
        #expect(
            try connection.texts(
                """
                SELECT t.external_transaction_id || ' ' || d.cause
                FROM fature_v2.dead_letter d JOIN fature_v2.transactions t ON t.transaction_id::text = d.job_id
                """) == ["b future_date"])
    }
}
