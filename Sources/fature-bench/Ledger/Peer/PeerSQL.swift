/// The peer's tables and statements. Columns and keys are those of ours (`Sources/Store/Migrations`), less what only a cluster needs.
enum PeerSQL {
    static let network = """
        CREATE TABLE affiliates_optimized (affiliate_id bigint NOT NULL, status text NOT NULL);
        CREATE TABLE hierarchy_index (ancestor_id bigint NOT NULL, descendant_id bigint NOT NULL, level_distance integer NOT NULL);
        CREATE TABLE staged (
            n bigint NOT NULL, affiliate_id bigint NOT NULL, transaction_type text NOT NULL, amount numeric(15,2) NOT NULL,
            winnings numeric(15,2) NOT NULL);
        CREATE TABLE rates (transaction_type text, level_distance integer, rate numeric(5,4), PRIMARY KEY (transaction_type, level_distance));
        INSERT INTO rates
        SELECT t, level, rate FROM (VALUES (1, 0.05), (2, 0.03), (3, 0.02), (4, 0.01), (5, 0.005)) AS r (level, rate),
            (VALUES ('deposit'), ('bet')) AS types (t);
        """

    static let indexes = """
        ALTER TABLE affiliates_optimized ADD PRIMARY KEY (affiliate_id);
        CREATE UNIQUE INDEX hierarchy_by_descendant ON hierarchy_index (descendant_id, level_distance) INCLUDE (ancestor_id);
        ALTER TABLE staged ADD PRIMARY KEY (n);
        """

    /// Makes the books, or empties them.
    static let books = """
        DROP TABLE IF EXISTS transactions, commissions, affiliate_totals;
        DROP SEQUENCE IF EXISTS block;
        CREATE SEQUENCE block MINVALUE 0;
        CREATE TABLE transactions (
            transaction_id bigint PRIMARY KEY, accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(), affiliate_id bigint NOT NULL,
            transaction_type text NOT NULL CHECK (transaction_type IN ('deposit', 'bet', 'withdrawal', 'bonus')),
            amount numeric(15,2) NOT NULL CHECK (amount > 0), winnings numeric(15,2) NOT NULL, currency text NOT NULL DEFAULT 'BRL',
            transaction_date timestamptz NOT NULL DEFAULT clock_timestamp(), external_transaction_id text COLLATE "C" NOT NULL UNIQUE,
            commission_processed boolean NOT NULL);
        CREATE TABLE commissions (
            transaction_id bigint NOT NULL, ordinal smallint NOT NULL, beneficiary_id bigint NOT NULL, source_id bigint NOT NULL,
            level_distance smallint NOT NULL, rule text NOT NULL, base_amount numeric(15,2) NOT NULL, rate numeric(5,4) NOT NULL,
            amount numeric(15,2) NOT NULL CHECK (amount <> 0), currency text NOT NULL, status text NOT NULL DEFAULT 'pending',
            plan_version integer NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (transaction_id, ordinal));
        CREATE INDEX commissions_beneficiary_idx ON commissions (beneficiary_id, created_at, transaction_id, ordinal);
        CREATE TABLE affiliate_totals (
            affiliate_id bigint PRIMARY KEY, transactions_count bigint NOT NULL, deposits numeric(20,2) NOT NULL, bets numeric(20,2) NOT NULL,
            ggr numeric(20,2) NOT NULL, lifetime_volume numeric(20,2) NOT NULL, commissions_count bigint NOT NULL,
            commissions_earned numeric(20,2) NOT NULL) WITH (fillfactor = 50);
        """

    /// What pgbench runs, once for each block of transactions.
    static func script(_ kind: InDatabasePeer.Kind, batch: Int, staged: Int) -> String {
        let blocks = staged / batch
        func incoming(_ number: String, from source: String) -> String {
            """
            incoming AS MATERIALIZED (
                SELECT \(number) * \(batch) + staged.n % \(batch) AS transaction_id, staged.*
                FROM \(source)LATERAL (
                    SELECT * FROM staged WHERE n >= \(number) % \(blocks) * \(batch) AND n < (\(number) % \(blocks) + 1) * \(batch)
                    ORDER BY n LIMIT \(batch)
                ) AS staged
            )
            """
        }
        let next = "next AS MATERIALIZED (SELECT nextval('block') AS number)"
        let oneStatement =
            "WITH \(next), \(incoming("next.number", from: "next, ")), accepted AS (\(accept(isPaid: true))), \(earned)"
        switch kind {
        case .lean: return oneLine("\(oneStatement) \(entries);")
        case .withTotals: return oneLine("\(oneStatement), written AS (\(entries)) \(totals);")
        case .inTwoCommits:
            return [
                "SELECT nextval('block') AS number \\gset",
                oneLine("WITH \(incoming(":number", from: "")) \(accept(isPaid: false));"),
                oneLine("WITH incoming AS (\(claim(batch))), \(earned), written AS (\(entries)) \(totals);"),
            ].joined(separator: "\n")
        }
    }

    private static func oneLine(_ sql: String) -> String { sql.split(whereSeparator: \.isNewline).joined(separator: " ") }

    private static func accept(isPaid: Bool) -> String {
        """
        INSERT INTO transactions (
            transaction_id, affiliate_id, transaction_type, amount, winnings, external_transaction_id, commission_processed)
        SELECT transaction_id, affiliate_id, transaction_type, amount, winnings, 'peer-' || transaction_id, \(isPaid) FROM incoming
        """
    }

    private static func claim(_ batch: Int) -> String {
        """
        UPDATE transactions SET commission_processed = true
        WHERE transaction_id >= :number * \(batch) AND transaction_id < (:number + 1) * \(batch) AND NOT commission_processed
        RETURNING transaction_id, affiliate_id, transaction_type, amount, winnings
        """
    }

    private static let earned = """
        earned AS MATERIALIZED (
            SELECT i.transaction_id, h.level_distance::smallint AS level_distance, h.ancestor_id, i.affiliate_id, i.amount AS base, r.rate,
                round(i.amount * r.rate, 2) AS amount
            FROM incoming AS i
            JOIN hierarchy_index AS h ON h.descendant_id = i.affiliate_id AND h.level_distance <= 5
            JOIN rates AS r ON r.transaction_type = i.transaction_type AND r.level_distance = h.level_distance
            JOIN affiliates_optimized AS a ON a.affiliate_id = h.ancestor_id AND a.status = 'active'
            WHERE round(i.amount * r.rate, 2) <> 0
        )
        """

    private static let entries = """
        INSERT INTO commissions (
            transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
        SELECT transaction_id, level_distance, ancestor_id, affiliate_id, level_distance, 'percentage', base, rate, amount, 'BRL', 1
        FROM earned
        """

    /// In ascending order, so that two clients can not wait for each other.
    private static let totals = """
        INSERT INTO affiliate_totals AS t
        SELECT id, sum(n), sum(deposits), sum(bets), sum(ggr), sum(deposits) + sum(bets), sum(entries), sum(earned) FROM (
            SELECT affiliate_id AS id, 1 AS n, CASE WHEN transaction_type = 'deposit' THEN amount ELSE 0 END AS deposits,
                CASE WHEN transaction_type = 'bet' THEN amount ELSE 0 END AS bets,
                CASE WHEN transaction_type = 'bet' THEN amount - winnings ELSE 0 END AS ggr, 0 AS entries, 0 AS earned
            FROM incoming
            UNION ALL
            SELECT ancestor_id, 0, 0, 0, 0, 1, amount FROM earned
        ) AS changes GROUP BY id ORDER BY id
        ON CONFLICT (affiliate_id) DO UPDATE SET
            transactions_count = t.transactions_count + excluded.transactions_count,
            deposits = t.deposits + excluded.deposits, bets = t.bets + excluded.bets, ggr = t.ggr + excluded.ggr,
            lifetime_volume = t.lifetime_volume + excluded.lifetime_volume,
            commissions_count = t.commissions_count + excluded.commissions_count,
            commissions_earned = t.commissions_earned + excluded.commissions_earned
        """
}
