-- What affiliates do with money. A row is its own outbox: it carries the upline of the moment it was accepted, and waits with
-- commission_processed = false until its commissions are committed together with that flag.

-- One row: what the whole programme agrees on.
CREATE TABLE fature_v2.programme (
    singleton      boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    currency       text NOT NULL DEFAULT 'BRL' CHECK (currency ~ '^[A-Z]{3}$'),
    plan_revision  bigint NOT NULL DEFAULT 0         -- rises with every change of the plans; a payment is refused under an older one
);
INSERT INTO fature_v2.programme DEFAULT VALUES;

-- A worker takes a block of 1,000 numbers with each nextval and hands them out itself; anyone else uses up a block for a row.
CREATE SEQUENCE fature_v2.transaction_id_seq AS bigint INCREMENT BY 1000 MINVALUE 1 START WITH 1000 MAXVALUE 9007199254740000;

CREATE TABLE fature_v2.transactions (
    transaction_id           bigint NOT NULL DEFAULT nextval('fature_v2.transaction_id_seq') CHECK (transaction_id > 0),
    accepted_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    affiliate_id             bigint NOT NULL CHECK (affiliate_id > 0),
    transaction_type         text NOT NULL CHECK (transaction_type IN ('deposit', 'bet', 'withdrawal', 'bonus')),
    amount                   numeric(15,2) NOT NULL CHECK (amount > 0 AND amount <> 'NaN'),
    -- Bets: what was won back; amount - winnings is the bet's GGR.
    winnings                 numeric(15,2) NOT NULL DEFAULT 0 CHECK (winnings >= 0 AND winnings <> 'NaN' AND (winnings = 0 OR transaction_type = 'bet')),
    currency                 text NOT NULL DEFAULT 'BRL',
    transaction_date         timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Short enough for any index.
    external_transaction_id  text NOT NULL CHECK (external_transaction_id <> '' AND octet_length(external_transaction_id) <= 512),
    commission_eligible      boolean,                 -- null: as usual for the type (deposits and bets are)
    metadata                 jsonb,
    -- Null in a row that another program has written, until it is adopted (adopt_transactions).
    shard_id                 smallint CHECK (shard_id BETWEEN 0 AND 255),
    upline                   bigint[],                -- nearest first, at the moment of acceptance
    upline_inactive          smallint[],              -- level distances whose affiliate was not active then; null: all were
    commission_processed     boolean NOT NULL DEFAULT false,
    commission_dead          boolean NOT NULL DEFAULT false,   -- its job is a dead letter: waits for a person
    PRIMARY KEY (transaction_id, accepted_at),
    CONSTRAINT transactions_finite_dates CHECK (isfinite(accepted_at) AND isfinite(transaction_date)),
    CONSTRAINT transactions_adopted_whole CHECK ((shard_id IS NULL) = (upline IS NULL))
) PARTITION BY RANGE (accepted_at);
CREATE TABLE fature_v2.transactions_default PARTITION OF fature_v2.transactions DEFAULT;
CREATE INDEX transactions_outbox_idx ON fature_v2.transactions (shard_id, transaction_id)
    WHERE NOT commission_processed AND NOT commission_dead;

-- Every external id that was ever accepted. One key over all months, which a partitioned table cannot have itself.
CREATE TABLE fature_v2.transaction_key (
    external_transaction_id  text COLLATE "C" PRIMARY KEY,
    transaction_id           bigint NOT NULL
);

CREATE TABLE fature_v2.transaction_reversal (
    transaction_id  bigint PRIMARY KEY,
    reason          text NOT NULL CHECK (reason <> ''),
    was_paid        boolean NOT NULL,        -- false: reversed before its commissions were computed, so there are none
    actor           text NOT NULL,
    request_id      text,
    reversed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Makes the partition of this month and of the p_months_ahead after it where they are missing, and takes over the rows that the default
-- partition caught for them. Answers how many it made.
CREATE FUNCTION fature_v2.make_transaction_partitions(p_months_ahead integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    month_start timestamptz;
    partition_name text;
    made integer := 0;
BEGIN
    IF p_months_ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months ahead must be between 0 and 120, not %', p_months_ahead USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('fature_v2.make_transaction_partitions', 0));
    FOR ahead IN 0..p_months_ahead LOOP
        month_start := date_trunc('month', now()) + make_interval(months => ahead);
        partition_name := 'transactions_' || to_char(month_start, 'YYYY_MM');
        CONTINUE WHEN to_regclass('fature_v2.' || partition_name) IS NOT NULL;
        EXECUTE format(
            'CREATE TABLE fature_v2.%I (LIKE fature_v2.transactions INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition_name);
        LOCK TABLE fature_v2.transactions_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH caught AS (DELETE FROM fature_v2.transactions_default WHERE accepted_at >= %1$L AND accepted_at < %2$L RETURNING *)
             INSERT INTO fature_v2.%3$I SELECT * FROM caught',
            month_start, month_start + interval '1 month', partition_name);
        EXECUTE format(
            'ALTER TABLE fature_v2.transactions ATTACH PARTITION fature_v2.%I FOR VALUES FROM (%L) TO (%L)',
            partition_name, month_start, month_start + interval '1 month');
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

SELECT fature_v2.make_transaction_partitions(3);
