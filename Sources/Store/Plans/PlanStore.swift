import Commission
import Core
import PostgresClient

/// The plan's versions in `commission_plan`. They are added to, never changed: what was paid was paid by the version that held.
package enum PlanStore {
    /// The revision of the plans, and all of them, as of one moment. Who pays by them names the revision (`CommissionPayment`).
    ///
    /// - Throws: `PlanStoreError` if a row is no plan.
    package static func load(
        _ connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> (revision: Int64, book: PlanBook) {
        let (revision, plans) = try read(connection, timeoutMilliseconds)
        return (revision, try book(plans))
    }

    /// Every version, oldest first.
    package static func list(_ connection: PostgresConnection) throws -> [StoredPlan] { try read(connection, nil).plans }

    /// Adds a version, which holds from `planLeadMicroseconds` from now unless the draft says a later date, with an audit row. Payments
    /// that are going on end first; those after it see the new revision.
    ///
    /// - Parameters:
    ///   - draft: reads the plan as somebody wrote it, given the version and the date for one that names none. A version that it names must
    ///     be the next.
    ///   - isDryRun: check all of it and change nothing.
    /// - Returns: the version as it is kept.
    /// - Throws: `PlanError` for a plan that is not valid or holds from too early a date, `PlanStoreError`.
    @discardableResult
    package static func apply(
        origin: ChangeOrigin, isDryRun: Bool = false, on connection: PostgresConnection,
        _ draft: (CommissionPlan.Issue) throws -> CommissionPlan
    ) throws -> CommissionPlan {
        try connection.transaction {
            if !isDryRun { try lockOutPayments(on: connection) }
            // The lock first and the clock after it: waiting must not make the date an old one.
            let programme = try connection.execute(
                "SELECT currency, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM fature_v2.programme")
            guard programme.rowCount == 1 else { throw StoreError(.unexpectedAnswer, "fature_v2.programme has no row") }
            let stored = try book(read(connection, nil).plans)
            let earliest = try programme.int(0, 1) + TransactionDates.planLeadMicroseconds
            let version = (stored.plans.last?.version ?? 0) + 1
            let plan = try draft(.init(version: version, effectiveFrom: earliest))
            let currency = try programme.text(0, 0)
            guard plan.currency.description == currency else {
                throw PlanStoreError(.wrongCurrency, "the plan is in \(plan.currency), the programme in \(currency)")
            }
            guard plan.version == version else {
                throw PlanStoreError(
                    .wrongVersion, "the plan names version \(plan.version), the next one is \(version); leave it out of the file")
            }
            _ = try stored.adding(plan, notBefore: earliest)
            if !isDryRun { try insert(plan, origin, on: connection) }
            return plan
        }
    }

    /// Payments share this lock until they are committed; whoever changes the plans has it alone. PostgreSQL queues for it in order, which row
    /// locks do not: a change would wait behind payments for as long as any goes on.
    private static let lockSQL = "hashtextextended('fature_v2.commission_plan', 0)"

    private static func lockOutPayments(on connection: PostgresConnection) throws {
        _ = try connection.execute("SELECT pg_advisory_xact_lock(\(lockSQL))")
    }

    /// Whether these are still the plans; if so, they stay so until the transaction ends.
    static func hold(_ revision: Int64, on connection: PostgresConnection) throws -> Bool {
        _ = try connection.execute("SELECT pg_advisory_xact_lock_shared(\(lockSQL))")
        let result = try connection.execute("SELECT plan_revision FROM fature_v2.programme")
        guard result.rowCount == 1 else {
            throw StoreError(.unexpectedAnswer, "fature_v2.programme has no row; run: fature db status")
        }
        return try result.int(0, 0) == revision
    }

    private static func insert(_ plan: CommissionPlan, _ origin: ChangeOrigin, on connection: PostgresConnection) throws {
        _ = try connection.execute(
            """
            WITH applied AS (
                INSERT INTO fature_v2.commission_plan (version, name, effective_from, definition, applied_by)
                VALUES ($1::integer, $2, timestamptz 'epoch' + $3 * interval '1 microsecond', $4::text::jsonb, $5)
            ), audited AS (
                INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
                VALUES ('commission_plan', $1::text, 'insert', $4::text::jsonb, $5, $6)
            )
            UPDATE fature_v2.programme SET plan_revision = plan_revision + 1
            """,
            [
                .int(Int64(plan.version)), .text(plan.name), .int(plan.effectiveFrom), .text(plan.canonicalJSON),
                .text(origin.actor),
                .optionalText(origin.requestID),
            ])
    }

    /// One statement, so that the revision belongs to the plans.
    private static func read(
        _ connection: PostgresConnection, _ timeoutMilliseconds: Int?
    ) throws -> (revision: Int64, plans: [StoredPlan]) {
        let result = try connection.execute(
            """
            SELECT g.plan_revision, p.version, (extract(epoch FROM p.effective_from) * 1000000)::bigint, p.definition::text,
                (extract(epoch FROM p.applied_at) * 1000000)::bigint, p.applied_by
            FROM fature_v2.programme g LEFT JOIN fature_v2.commission_plan p ON true ORDER BY p.version
            """, timeoutMilliseconds: timeoutMilliseconds)
        guard result.rowCount > 0 else { throw StoreError(.unexpectedAnswer, "fature_v2.programme has no row") }
        var plans: [StoredPlan] = []
        for row in 0..<result.rowCount where try !result.isNull(row, 1) {
            let version = Int(try result.int(row, 1))
            plans.append(
                StoredPlan(
                    plan: try plan(result.text(row, 3), version: version, effectiveFrom: result.int(row, 2)),
                    appliedAtMicroseconds: try result.int(row, 4), appliedBy: try result.text(row, 5)))
        }
        return (try result.int(0, 0), plans)
    }

    private static func plan(_ definition: String, version: Int, effectiveFrom: Int64) throws -> CommissionPlan {
        do {
            let plan = try CommissionPlan(json: definition)
            guard plan.version == version, plan.effectiveFrom == effectiveFrom else {
                throw PlanStoreError(
                    .unreadable, "version \(version) of the plan names another version or date in its definition")
            }
            return plan
        } catch let error as PlanError {
            throw PlanStoreError(.unreadable, "version \(version) of the plan in the database is no plan: \(error)")
        }
    }

    private static func book(_ plans: [StoredPlan]) throws -> PlanBook {
        do { return try PlanBook(plans.map(\.plan)) } catch {
            throw PlanStoreError(.unreadable, "the plans in the database are no series: \(error)")
        }
    }
}
