-- Decisions about commissions: approved, paid, cancelled, disputed, pending again; one entry or many, with who and why.

-- Gives these entries another status, each by itself: a refusal of one is no refusal of the others. Outcomes:
--   changed
--   unchanged   it has that status already
--   illegal     it cannot go there from where it is
--   reversed    cancelling an entry of a reversed transaction, or its mirror, would take the money back twice
--   unknown     there is no such entry
-- operation_id is the decision's number, null if nothing was changed.
CREATE FUNCTION fature_v2.decide_commissions(
    p_transaction_ids bigint[], p_ordinals smallint[], p_to_status text, p_reason text, p_actor text, p_request_id text)
RETURNS TABLE (transaction_id bigint, ordinal smallint, outcome text, from_status text, amount numeric, operation_id bigint)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    IF p_to_status NOT IN ('pending', 'approved', 'paid', 'cancelled', 'disputed') THEN
        RAISE EXCEPTION '% is no status of a commission', p_to_status USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In ascending order, as a reversal locks them. Whoever holds them now is through when the next statement looks.
    PERFORM 1 FROM commissions c
    JOIN unnest(p_transaction_ids, p_ordinals) AS w (transaction_id, ordinal)
        ON w.transaction_id = c.transaction_id AND w.ordinal = c.ordinal
    ORDER BY c.transaction_id, c.ordinal FOR UPDATE OF c;

    RETURN QUERY
    WITH judged AS (
        SELECT w.transaction_id, w.ordinal, c.beneficiary_id, c.rule, c.status AS from_status, c.amount,
            CASE WHEN c.status IS NULL THEN 'unknown'
                 WHEN c.status = p_to_status THEN 'unchanged'
                 WHEN NOT commission_may_become(c.status, p_to_status) THEN 'illegal'
                 WHEN p_to_status = 'cancelled' AND EXISTS (
                     SELECT 1 FROM transaction_reversal r WHERE r.transaction_id = w.transaction_id) THEN 'reversed'
                 ELSE 'changed' END AS outcome
        FROM (SELECT DISTINCT u.transaction_id, u.ordinal
              FROM unnest(p_transaction_ids, p_ordinals) AS u (transaction_id, ordinal)) AS w
        LEFT JOIN commissions c ON c.transaction_id = w.transaction_id AND c.ordinal = w.ordinal
    ), operation AS (
        INSERT INTO commission_operation (to_status, actor, reason, request_id, entries_count, amount)
        SELECT p_to_status, p_actor, p_reason, p_request_id, count(*), sum(j.amount) FROM judged j WHERE j.outcome = 'changed'
        HAVING count(*) > 0
        RETURNING commission_operation.operation_id
    ), changed AS (
        UPDATE commissions c SET status = p_to_status, operation_id = o.operation_id
        FROM judged j, operation o
        WHERE j.outcome = 'changed' AND c.transaction_id = j.transaction_id AND c.ordinal = j.ordinal
    ), noted AS (
        INSERT INTO commission_status_change (transaction_id, ordinal, operation_id, from_status, to_status)
        SELECT j.transaction_id, j.ordinal, o.operation_id, j.from_status, p_to_status
        FROM judged j, operation o WHERE j.outcome = 'changed'
    ), totals AS (
        -- Ascending, as everyone locks them. An entry counts unless it is cancelled, which it never ceases to be.
        INSERT INTO affiliate_totals AS t (
            affiliate_id, commissions_count, commissions_earned, commissions_paid, cpa_earned, revshare_earned)
        SELECT j.beneficiary_id, sum(s.counted), sum(s.counted * j.amount), sum(s.paid * j.amount),
            sum(CASE WHEN j.rule = 'cpa' THEN s.counted * j.amount ELSE 0 END),
            sum(CASE WHEN j.rule = 'revshare' THEN s.counted * j.amount ELSE 0 END)
        FROM judged j
        CROSS JOIN (SELECT CASE p_to_status WHEN 'cancelled' THEN -1 ELSE 0 END AS counted,
                           CASE p_to_status WHEN 'paid' THEN 1 ELSE 0 END AS paid) AS s
        WHERE j.outcome = 'changed' AND p_to_status IN ('cancelled', 'paid')
        GROUP BY j.beneficiary_id ORDER BY j.beneficiary_id
        ON CONFLICT (affiliate_id) DO UPDATE SET
            commissions_count = t.commissions_count + excluded.commissions_count,
            commissions_earned = t.commissions_earned + excluded.commissions_earned,
            commissions_paid = t.commissions_paid + excluded.commissions_paid,
            cpa_earned = t.cpa_earned + excluded.cpa_earned, revshare_earned = t.revshare_earned + excluded.revshare_earned
    )
    SELECT j.transaction_id, j.ordinal, j.outcome, j.from_status, j.amount,
        CASE WHEN j.outcome = 'changed' THEN o.operation_id END
    FROM judged j LEFT JOIN operation o ON true
    ORDER BY j.transaction_id, j.ordinal;
END
$$;

-- One bounded piece of a decision about all entries that a filter names: looks at the next p_limit entries of one beneficiary, in the order of
-- their time, or of all, in the order of their keys, and decides about those that match. Null in a filter: any. looked_at less than p_limit:
-- that was the last piece; else go on behind the last ones.
CREATE FUNCTION fature_v2.decide_commissions_where(
    p_beneficiary bigint, p_status text, p_from timestamptz, p_to timestamptz,
    p_after_created timestamptz, p_after_transaction bigint, p_after_ordinal smallint,
    p_limit integer, p_to_status text, p_reason text, p_actor text, p_request_id text,
    OUT looked_at bigint, OUT last_created timestamptz, OUT last_transaction bigint, OUT last_ordinal smallint,
    OUT changed bigint, OUT unchanged bigint, OUT refused bigint, OUT amount numeric, OUT operation_id bigint)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    ids bigint[];
    ordinals smallint[];
    matching boolean[];
BEGIN
    IF p_beneficiary IS NULL THEN
        SELECT array_agg(p.transaction_id ORDER BY p.transaction_id, p.ordinal), array_agg(p.ordinal ORDER BY p.transaction_id, p.ordinal),
            array_agg(p.is_matching ORDER BY p.transaction_id, p.ordinal), max(p.created_at)
        INTO ids, ordinals, matching, last_created
        FROM (SELECT c.transaction_id, c.ordinal, c.created_at,
                  (p_status IS NULL OR c.status = p_status) AND (p_from IS NULL OR c.created_at >= p_from)
                  AND (p_to IS NULL OR c.created_at < p_to) AS is_matching
              FROM commissions c WHERE (c.transaction_id, c.ordinal) > (p_after_transaction, p_after_ordinal)
              ORDER BY c.transaction_id, c.ordinal LIMIT p_limit) AS p;
    ELSIF p_status <> 'pending' THEN
        -- By the index on what has been decided about: nothing but what matches is looked at.
        SELECT array_agg(p.transaction_id ORDER BY p.created_at, p.transaction_id, p.ordinal), array_agg(p.ordinal ORDER BY p.created_at, p.transaction_id, p.ordinal),
            array_agg(true), max(p.created_at)
        INTO ids, ordinals, matching, last_created
        FROM (SELECT c.transaction_id, c.ordinal, c.created_at
              FROM commissions c
              WHERE c.beneficiary_id = p_beneficiary AND c.status = p_status AND c.status <> 'pending'
                  AND (c.created_at, c.transaction_id, c.ordinal) > (p_after_created, p_after_transaction, p_after_ordinal)
                  AND c.created_at >= coalesce(p_from, '-infinity') AND c.created_at < coalesce(p_to, 'infinity')
              ORDER BY c.created_at, c.transaction_id, c.ordinal LIMIT p_limit) AS p;
    ELSE
        SELECT array_agg(p.transaction_id ORDER BY p.created_at, p.transaction_id, p.ordinal), array_agg(p.ordinal ORDER BY p.created_at, p.transaction_id, p.ordinal),
            array_agg(p.is_matching ORDER BY p.created_at, p.transaction_id, p.ordinal), max(p.created_at)
        INTO ids, ordinals, matching, last_created
        FROM (SELECT c.transaction_id, c.ordinal, c.created_at, (p_status IS NULL OR c.status = p_status) AS is_matching
              FROM commissions c
              WHERE c.beneficiary_id = p_beneficiary
                  AND (c.created_at, c.transaction_id, c.ordinal) > (p_after_created, p_after_transaction, p_after_ordinal)
                  AND c.created_at >= coalesce(p_from, '-infinity') AND c.created_at < coalesce(p_to, 'infinity')
              ORDER BY c.created_at, c.transaction_id, c.ordinal LIMIT p_limit) AS p;
    END IF;
    looked_at := coalesce(cardinality(ids), 0);
    last_transaction := ids[looked_at];
    last_ordinal := ordinals[looked_at];
    SELECT count(*) FILTER (WHERE d.outcome = 'changed'), count(*) FILTER (WHERE d.outcome = 'unchanged'),
        count(*) FILTER (WHERE d.outcome IN ('illegal', 'reversed')), coalesce(sum(d.amount) FILTER (WHERE d.outcome = 'changed'), 0),
        max(d.operation_id)
    INTO changed, unchanged, refused, amount, operation_id
    FROM decide_commissions(
        (SELECT array_agg(u.id ORDER BY u.place) FROM unnest(ids, matching) WITH ORDINALITY AS u (id, fits, place) WHERE u.fits),
        (SELECT array_agg(u.ordinal ORDER BY u.place) FROM unnest(ordinals, matching) WITH ORDINALITY AS u (ordinal, fits, place)
         WHERE u.fits),
        p_to_status, p_reason, p_actor, p_request_id) d;
END
$$;
