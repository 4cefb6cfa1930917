-- The writes to the ledger that need no worker: adoption of others' rows, reversals, decisions. Each locks the rows it changes, in
-- ascending order: transactions, then commissions, then affiliate_totals.

-- Takes up rows that another program has written: fixes the upline of this moment, or makes a dead letter of a row that cannot be paid.
-- Answers how many it looked at; less than p_limit: there are no more.
CREATE FUNCTION fature_v2.adopt_transactions(p_limit integer, OUT adopted bigint, OUT refused bigint)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    programme_currency text := (SELECT currency FROM programme);
BEGIN
    adopted := 0;
    refused := 0;
    -- Nearly always there is nothing, and then nothing is written either.
    IF NOT EXISTS (
        SELECT 1 FROM transactions t WHERE t.shard_id IS NULL AND NOT t.commission_processed AND NOT t.commission_dead) THEN
        RETURN;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS adoption (
        transaction_id bigint, accepted_at timestamptz, shard_id smallint, upline bigint[], upline_inactive smallint[], cause text
    ) ON COMMIT DELETE ROWS;
    TRUNCATE pg_temp.adoption;
    WITH foreigners AS (
        SELECT t.* FROM transactions t
        WHERE t.shard_id IS NULL AND NOT t.commission_processed AND NOT t.commission_dead
        ORDER BY t.transaction_id LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    INSERT INTO pg_temp.adoption
    SELECT f.transaction_id, f.accepted_at, a.shard_id, up.ids, up.inactive,
        CASE WHEN a.affiliate_id IS NULL THEN 'unknown_affiliate'
             WHEN f.currency <> programme_currency THEN 'wrong_currency'
             -- As for callers: a plan that is applied later could hold at its date.
             WHEN greatest(f.transaction_date, f.accepted_at) > clock_timestamp() + interval '5 seconds' THEN 'future_date'
             -- A number that was not drawn from the sequence may be a worker's; those above its last value are still to be drawn. It is read here, when the
             -- statement has its snapshot: read before, it would be too low for rows that have come since.
             WHEN f.transaction_id % 1000 <> 0 OR f.transaction_id > (SELECT last_value FROM transaction_id_seq)
                 OR EXISTS (
                     SELECT 1 FROM transactions o WHERE o.transaction_id = f.transaction_id AND o.accepted_at <> f.accepted_at)
                 THEN 'number_not_drawn'
             WHEN k.external_transaction_id IS NOT NULL
                 OR row_number() OVER (PARTITION BY f.external_transaction_id ORDER BY f.transaction_id) > 1 THEN 'duplicate_external_id'
        END
    FROM foreigners f
    LEFT JOIN affiliates_optimized a ON a.affiliate_id = f.affiliate_id
    LEFT JOIN transaction_key k ON k.external_transaction_id = f.external_transaction_id
    LEFT JOIN LATERAL (
        SELECT array_agg(s.affiliate_id ORDER BY p.place DESC) AS ids,
            array_agg((a.hierarchy_level - p.place)::smallint ORDER BY p.place DESC) FILTER (WHERE s.status <> 'active') AS inactive
        FROM unnest(path_ids(a.hierarchy_path)) WITH ORDINALITY AS p (id, place)
        JOIN affiliates_optimized s ON s.affiliate_id = p.id
        WHERE p.place < a.hierarchy_level
    ) AS up ON true;

    -- The key decides between us and somebody who accepts the same external id at this moment.
    WITH wanted AS (
        SELECT t.external_transaction_id, t.transaction_id
        FROM pg_temp.adoption d JOIN transactions t USING (transaction_id, accepted_at)
        WHERE d.cause IS NULL ORDER BY t.external_transaction_id COLLATE "C"
    ), taken AS (
        INSERT INTO transaction_key SELECT * FROM wanted ON CONFLICT DO NOTHING RETURNING transaction_id
    )
    UPDATE pg_temp.adoption d SET cause = 'duplicate_external_id'
    WHERE d.cause IS NULL AND d.transaction_id NOT IN (SELECT transaction_id FROM taken);

    UPDATE transactions t SET shard_id = d.shard_id, upline = coalesce(d.upline, '{}'), upline_inactive = d.upline_inactive
    FROM pg_temp.adoption d
    WHERE t.transaction_id = d.transaction_id AND t.accepted_at = d.accepted_at AND d.cause IS NULL;
    GET DIAGNOSTICS adopted = ROW_COUNT;

    INSERT INTO dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
    SELECT 'commission', d.transaction_id::text, coalesce(d.shard_id, 0), '', d.cause,
        'written by another program and not payable: ' || d.cause, 0, 0, d.accepted_at
    FROM pg_temp.adoption d WHERE d.cause IS NOT NULL
    ON CONFLICT DO NOTHING;
    UPDATE transactions t SET commission_dead = true
    FROM pg_temp.adoption d
    WHERE t.transaction_id = d.transaction_id AND t.accepted_at = d.accepted_at AND d.cause IS NOT NULL;
    GET DIAGNOSTICS refused = ROW_COUNT;
END
$$;

-- Takes a transaction back: every entry that is not cancelled gets its exact mirror, the running totals go back. Before its commissions are
-- computed: they never will be. Outcomes: reversed, repeated (it was reversed before: nothing was done), unknown_transaction.
CREATE FUNCTION fature_v2.reverse_transaction(
    p_transaction_id bigint, p_reason text, p_actor text, p_request_id text,
    OUT outcome text, OUT was_paid boolean, OUT entries_count bigint, OUT amount numeric, OUT reversed_at timestamptz, OUT reason text)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    original transactions%ROWTYPE;
BEGIN
    -- A number that stands twice is that of the row which a worker accepted, or which was adopted.
    SELECT * INTO original FROM transactions t WHERE t.transaction_id = p_transaction_id
    ORDER BY (t.shard_id IS NULL), t.accepted_at LIMIT 1 FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'unknown_transaction';
        RETURN;
    END IF;
    SELECT 'repeated', r.was_paid, r.reversed_at, r.reason INTO outcome, was_paid, reversed_at, reason
    FROM transaction_reversal r WHERE r.transaction_id = p_transaction_id;
    IF FOUND THEN
        SELECT count(*), coalesce(sum(c.amount), 0) INTO entries_count, amount
        FROM commissions c WHERE c.transaction_id = p_transaction_id AND c.ordinal < 0;
        RETURN;
    END IF;
    outcome := 'reversed';
    was_paid := original.commission_processed;
    reason := p_reason;
    INSERT INTO transaction_reversal (transaction_id, reason, was_paid, actor, request_id)
    VALUES (p_transaction_id, p_reason, original.commission_processed, p_actor, p_request_id)
    RETURNING transaction_reversal.reversed_at INTO reversed_at;
    INSERT INTO audit_log (table_name, record_id, operation, new_values, actor, request_id)
    VALUES ('transactions', p_transaction_id::text, 'update', jsonb_build_object('reversed', true, 'reason', p_reason), p_actor, p_request_id);
    entries_count := 0;
    amount := 0;
    IF NOT original.commission_processed THEN
        IF original.shard_id IS NULL THEN
            -- Nobody will adopt it any more: its external id stays taken, unless it was somebody's before.
            INSERT INTO transaction_key (external_transaction_id, transaction_id)
            VALUES (original.external_transaction_id, original.transaction_id) ON CONFLICT DO NOTHING;
        END IF;
        UPDATE transactions t SET commission_processed = true, commission_dead = false
        WHERE t.transaction_id = original.transaction_id AND t.accepted_at = original.accepted_at;
        UPDATE dead_letter d SET state = 'discarded', decided_at = clock_timestamp(), decided_by = p_actor, decided_reason = 'reversed: ' || p_reason
        WHERE d.queue = 'commission' AND d.job_id = p_transaction_id::text AND d.state = 'dead';
        RETURN;
    END IF;
    -- The decisions about these entries wait for us, or we see them.
    PERFORM 1 FROM commissions c WHERE c.transaction_id = p_transaction_id ORDER BY c.ordinal FOR UPDATE;
    WITH mirrors AS (
        INSERT INTO commissions (
            transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
        SELECT c.transaction_id, -c.ordinal, c.beneficiary_id, c.source_id, c.level_distance, c.rule, -c.base_amount, c.rate, -c.amount,
            c.currency, c.plan_version
        FROM commissions c WHERE c.transaction_id = p_transaction_id AND c.ordinal > 0 AND c.status <> 'cancelled'
        RETURNING commissions.beneficiary_id, commissions.rule, commissions.amount
    ), changes AS (
        SELECT m.beneficiary_id AS id, 0 AS n, 0 AS volume, 1 AS entries, m.amount, CASE WHEN m.rule = 'cpa' THEN m.amount ELSE 0 END AS cpa
        FROM mirrors m
        UNION ALL SELECT original.affiliate_id, -1, -original.amount, 0, 0, 0
    ), totals AS (
        -- Ascending, as everyone locks them.
        INSERT INTO affiliate_totals AS t (
            affiliate_id, transactions_count, deposits, bets, withdrawals, bonuses, ggr, lifetime_volume, commissions_count,
            commissions_earned, cpa_earned)
        SELECT c.id, sum(c.n),
            sum(CASE WHEN original.transaction_type = 'deposit' THEN c.volume ELSE 0 END),
            sum(CASE WHEN original.transaction_type = 'bet' THEN c.volume ELSE 0 END),
            sum(CASE WHEN original.transaction_type = 'withdrawal' THEN c.volume ELSE 0 END),
            sum(CASE WHEN original.transaction_type = 'bonus' THEN c.volume ELSE 0 END),
            sum(CASE WHEN original.transaction_type = 'bet' AND c.n < 0 THEN original.winnings - original.amount ELSE 0 END),
            sum(CASE WHEN original.transaction_type IN ('deposit', 'bet') THEN c.volume ELSE 0 END),
            sum(c.entries), sum(c.amount), sum(c.cpa)
        FROM changes c GROUP BY c.id ORDER BY c.id
        ON CONFLICT (affiliate_id) DO UPDATE SET
            transactions_count = t.transactions_count + excluded.transactions_count,
            deposits = t.deposits + excluded.deposits, bets = t.bets + excluded.bets,
            withdrawals = t.withdrawals + excluded.withdrawals, bonuses = t.bonuses + excluded.bonuses, ggr = t.ggr + excluded.ggr,
            lifetime_volume = t.lifetime_volume + excluded.lifetime_volume,
            commissions_count = t.commissions_count + excluded.commissions_count,
            commissions_earned = t.commissions_earned + excluded.commissions_earned, cpa_earned = t.cpa_earned + excluded.cpa_earned
    )
    SELECT count(*), coalesce(sum(m.amount), 0) INTO entries_count, amount FROM mirrors m;
END
$$;
