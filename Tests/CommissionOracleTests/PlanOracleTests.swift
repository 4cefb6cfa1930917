import Commission
import Core
import PostgresClient
import TestServers
import Testing

private let transactionsCount = 50_000
private let levelsMax = 9

/// The payments that a plan's JSON makes of the transactions, in SQL, against those that were copied in.
private let comparison = """
    WITH plan AS (SELECT definition AS d FROM plans),
    rates AS (
        SELECT r.key AS type, e.ordinality AS level, e.value::numeric AS rate
        FROM plan, jsonb_each(plan.d->'percentage') r, jsonb_array_elements_text(r.value) WITH ORDINALITY e (value, ordinality)
    ),
    levels AS (
        SELECT t.id, t.type, t.amount, distance, is_active,
            CASE WHEN (plan.d->>'compression')::boolean
                THEN count(*) FILTER (WHERE is_active) OVER (PARTITION BY t.id ORDER BY distance) ELSE distance END AS level
        FROM plan, transactions t
        CROSS JOIN LATERAL generate_series(1, t.ancestors) AS distance
        CROSS JOIN LATERAL (SELECT (t.inactive >> distance::integer) & 1 = 0 AS is_active) a
    ),
    shares AS (
        SELECT id, distance, (amount * 0.01) * rate * 100 AS cents, d->>'rounding' AS rounding
        FROM levels JOIN rates USING (level) CROSS JOIN plan
        WHERE is_active AND (ARRAY['deposit', 'bet', 'withdrawal', 'bonus'])[levels.type + 1] = rates.type
    ),
    wanted AS (
        SELECT id, distance, CASE rounding
            WHEN 'half_away_from_zero' THEN round(cents)
            WHEN 'half_even' THEN floor(cents) + CASE
                WHEN cents - floor(cents) > 0.5 OR cents - floor(cents) = 0.5 AND floor(cents) % 2 <> 0 THEN 1 ELSE 0 END
            END AS amount
        FROM shares
    )
    SELECT (SELECT count(*) FROM wanted WHERE amount > 0), (SELECT count(*) FROM payments),
        count(*) FILTER (WHERE w.amount IS DISTINCT FROM p.amount)
    FROM (SELECT * FROM wanted WHERE amount > 0) w FULL JOIN payments p ON p.id = w.id AND p.ordinal = w.distance
    """

private func plans() throws -> [CommissionPlan] {
    func rates(_ texts: [String]) throws -> [Rate] { try texts.map { try Rate.parse($0) } }
    return [
        .standard,
        try CommissionPlan(
            name: "compressing", version: 2, effectiveFrom: 1, isCompressing: true,
            percentage: PercentageRule(
                deposit: rates(["5%", "3%", "2%", "1%", "0.5%"]), bet: rates(["0.25%", "0%", "0.01%"]), withdrawal: rates(["1%"]))
        ),
        try CommissionPlan(
            name: "even", version: 3, effectiveFrom: 2, rounding: .halfEven,
            percentage: PercentageRule(
                deposit: rates(["50%", "0.5%", "2.5%"]), bonus: rates(Array(repeating: "12.5%", count: 8)))),
    ]
}

@Suite("Plans, beside SQL")
struct PlanOracleTests {
    @Test("the payments of thousands of transactions are those that SQL makes of the plan's JSON")
    func payments() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript(
            """
            CREATE TABLE plans (definition jsonb NOT NULL);
            CREATE UNLOGGED TABLE transactions (id bigint, amount bigint, type bigint, ancestors bigint, inactive bigint);
            CREATE UNLOGGED TABLE payments (id bigint, ordinal bigint, amount bigint, beneficiary bigint);
            CREATE UNLOGGED TABLE facts (id bigint, amount bigint, type_and_ancestors bigint, inactive bigint);
            """)
        for plan in try plans() {
            try connection.executeScript("TRUNCATE plans, transactions, payments, facts")
            _ = try connection.execute("INSERT INTO plans VALUES ($1::text::jsonb)", [.text(plan.canonicalJSON)])
            let transactions = Self.transactions(seed: UInt64(plan.version))
            try BinaryCopy.rows(into: "facts", connection) { copy in
                for (id, transaction) in transactions.enumerated() {
                    try copy.append(
                        Int64(id), transaction.facts.amount.minorUnits,
                        Int64(transaction.facts.type.rawValue) * 100 + Int64(transaction.ancestors.count),
                        transaction.inactive.reduce(0) { $0 | 1 << Int64($1) })
                }
            }
            try connection.executeScript(
                """
                INSERT INTO transactions
                SELECT id, amount, type_and_ancestors / 100, type_and_ancestors % 100, inactive FROM facts;
                """)
            let copied = try BinaryCopy.rows(into: "payments", connection) { copy in
                var paid: [Payment] = []
                for (id, transaction) in transactions.enumerated() {
                    paid.removeAll(keepingCapacity: true)
                    plan.payments(
                        for: transaction.facts, ancestors: transaction.ancestors.span, inactive: transaction.inactive.span,
                        earnedThisMonth: { _ in .zero }, into: &paid)
                    for payment in paid {
                        try copy.append(
                            Int64(id), Int64(payment.ordinal), payment.amount.minorUnits, payment.beneficiary.rawValue)
                    }
                }
            }
            let row = try connection.execute(comparison)
            #expect(copied > transactionsCount / 2, "\(plan.name): too few payments to show anything")
            #expect(try row.int(0, 0) == Int64(copied), "\(plan.name)")
            #expect(try row.int(0, 1) == Int64(copied), "\(plan.name)")
            #expect(try row.int(0, 2) == 0, "\(plan.name): payments differ")
        }
    }

    @Test("a plan comes back from jsonb as it was")
    func jsonb() async throws {
        let connection = try await TestDatabase.create().connect()
        for plan in try plans() {
            let text = try connection.execute("SELECT $1::text::jsonb::text", [.text(plan.canonicalJSON)]).text(0, 0)
            #expect(text != plan.canonicalJSON)
            #expect(try CommissionPlan(json: text) == plan)
        }
    }

    private struct Transaction {
        let facts: TransactionFacts
        let ancestors: [AffiliateID]
        let inactive: [Int16]
    }

    private static func transactions(seed: UInt64) -> [Transaction] {
        var random = SeededGenerator(seed: seed)
        return (0..<transactionsCount).map { _ in
            let bits = Int64.random(in: 4...49, using: &random)
            let amount = Money(minorUnits: Int64.random(in: 1...(1 << bits), using: &random))
            let types: [TransactionType] = [.deposit, .deposit, .deposit, .bet, .bet, .bonus, .withdrawal]
            let facts = TransactionFacts(type: types[Int(random.next() % 7)], amount: amount, isCommissionEligible: true)
            let ancestors = (0..<Int.random(in: 0...levelsMax, using: &random)).map { AffiliateID(Int64($0 + 1)) }
            let inactive = (0..<ancestors.count).map { Int16($0 + 1) }.filter { _ in random.next() % 4 == 0 }
            return Transaction(facts: facts, ancestors: ancestors, inactive: inactive)
        }
    }
}
