-- Hand-offs: one row a move, whose state changes by compare-and-set. Who decides what: docs/design/handoff.md.
-- Lock order: rebalance_plan, coordinator_lease, worker_lease, shard (ascending id), shard_move (ascending id), topology.

CREATE TABLE fature_v2.shard_move (
    move_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id        bigint,                               -- null: nobody's plan
    shard_id       smallint NOT NULL CHECK (shard_id BETWEEN 0 AND 255),
    from_instance  bigint NOT NULL,
    to_instance    bigint NOT NULL CHECK (to_instance <> from_instance),
    from_epoch     bigint NOT NULL,
    term           bigint NOT NULL,                      -- of the coordinator that ordered it
    state          text NOT NULL DEFAULT 'preparing'
        CHECK (state IN ('preparing', 'ready', 'sealed', 'confirmed', 'committed', 'aborted')),
    final_seq      bigint,                               -- the source's last change, and the checksum of the shard as it is then
    checksum       bigint,
    commit_seq     bigint,                               -- the shard's last change at the commit
    aborted_in     text,
    abort_reason   text,
    abort_detail   text,
    deadline       timestamptz NOT NULL,
    ordered_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ready_at       timestamptz,
    sealed_at      timestamptz,
    confirmed_at   timestamptz,
    ended_at       timestamptz,
    CONSTRAINT shard_move_sealed_whole CHECK ((final_seq IS NULL) = (checksum IS NULL)),
    CONSTRAINT shard_move_ended CHECK ((ended_at IS NOT NULL) = (state IN ('committed', 'aborted'))),
    CONSTRAINT shard_move_aborted_whole CHECK ((state = 'aborted') = (abort_reason IS NOT NULL) AND (state = 'aborted') = (aborted_in IS NOT NULL)),
    CONSTRAINT shard_move_committed_whole CHECK ((state = 'committed') = (commit_seq IS NOT NULL))
);
-- One active move a shard.
CREATE UNIQUE INDEX shard_move_active_idx ON fature_v2.shard_move (shard_id) WHERE state NOT IN ('committed', 'aborted');
CREATE INDEX shard_move_source_idx ON fature_v2.shard_move (from_instance) WHERE state NOT IN ('committed', 'aborted');
CREATE INDEX shard_move_target_idx ON fature_v2.shard_move (to_instance) WHERE state NOT IN ('committed', 'aborted');
CREATE INDEX shard_move_plan_idx ON fature_v2.shard_move (plan_id);
CREATE INDEX shard_move_ended_idx ON fature_v2.shard_move (ended_at) WHERE ended_at IS NOT NULL;

-- Orders a move. The outcome is 'ordered'; or 'term_lost', 'target_gone', 'owner_changed' or 'busy' (then with the active row).
CREATE FUNCTION fature_v2.order_move(
    p_term bigint, p_plan bigint, p_shard bigint, p_from bigint, p_from_epoch bigint, p_to bigint, p_deadline_milliseconds bigint,
    OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM coordinator_lease WHERE term = p_term FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'term_lost';
        RETURN;
    END IF;
    PERFORM 1 FROM worker_lease WHERE instance_id = p_to AND expires_at > clock_timestamp() FOR KEY SHARE;
    IF NOT FOUND THEN
        outcome := 'target_gone';
        RETURN;
    END IF;
    PERFORM 1 FROM shard WHERE id = p_shard AND owner = p_from AND epoch = p_from_epoch FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'owner_changed';
        RETURN;
    END IF;
    INSERT INTO shard_move (plan_id, shard_id, from_instance, to_instance, from_epoch, term, deadline)
    VALUES (p_plan, p_shard, p_from, p_to, p_from_epoch, p_term, clock_timestamp() + p_deadline_milliseconds * interval '1 millisecond')
    ON CONFLICT (shard_id) WHERE state NOT IN ('committed', 'aborted') DO NOTHING
    RETURNING * INTO move;
    IF FOUND THEN
        outcome := 'ordered';
        PERFORM pg_notify('fature_move', move.move_id::text);
        RETURN;
    END IF;
    outcome := 'busy';
    SELECT * INTO move FROM shard_move WHERE shard_id = p_shard AND state NOT IN ('committed', 'aborted');
END
$$;

-- The four steps: each is 'applied' or 'not_applied', with the row as it is then (null: there is none).
CREATE FUNCTION fature_v2.ready_move(p_move bigint, p_to bigint, OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    UPDATE shard_move SET state = 'ready', ready_at = clock_timestamp()
    WHERE move_id = p_move AND to_instance = p_to AND state = 'preparing'
    RETURNING * INTO move;
    IF FOUND THEN
        outcome := 'applied';
        PERFORM pg_notify('fature_move', p_move::text);
        RETURN;
    END IF;
    outcome := 'not_applied';
    SELECT * INTO move FROM shard_move WHERE move_id = p_move;
END
$$;

CREATE FUNCTION fature_v2.seal_move(
    p_move bigint, p_from bigint, p_final_seq bigint, p_checksum bigint, OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    -- Sealed again when changes by others have come since.
    UPDATE shard_move
    SET state = 'sealed', final_seq = p_final_seq, checksum = p_checksum, sealed_at = coalesce(sealed_at, clock_timestamp())
    WHERE move_id = p_move AND from_instance = p_from AND (state = 'ready' OR (state = 'sealed' AND final_seq < p_final_seq))
    RETURNING * INTO move;
    IF FOUND THEN
        outcome := 'applied';
        PERFORM pg_notify('fature_move', p_move::text);
        RETURN;
    END IF;
    outcome := 'not_applied';
    SELECT * INTO move FROM shard_move WHERE move_id = p_move;
END
$$;

CREATE FUNCTION fature_v2.confirm_move(
    p_move bigint, p_to bigint, p_final_seq bigint, p_checksum bigint, OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    UPDATE shard_move SET state = 'confirmed', confirmed_at = clock_timestamp()
    WHERE move_id = p_move AND to_instance = p_to AND state = 'sealed' AND final_seq = p_final_seq AND checksum = p_checksum
    RETURNING * INTO move;
    IF FOUND THEN
        outcome := 'applied';
        PERFORM pg_notify('fature_move', p_move::text);
        RETURN;
    END IF;
    outcome := 'not_applied';
    SELECT * INTO move FROM shard_move WHERE move_id = p_move;
END
$$;

CREATE FUNCTION fature_v2.abort_move(
    p_move bigint, p_reason text, p_detail text, OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    UPDATE shard_move
    SET state = 'aborted', aborted_in = state, abort_reason = p_reason, abort_detail = p_detail, ended_at = clock_timestamp()
    WHERE move_id = p_move AND state NOT IN ('committed', 'aborted')
    RETURNING * INTO move;
    IF FOUND THEN
        outcome := 'applied';
        PERFORM pg_notify('fature_move', p_move::text);
        RETURN;
    END IF;
    outcome := 'not_applied';
    SELECT * INTO move FROM shard_move WHERE move_id = p_move;
END
$$;

-- Gives the shard to the target. The outcome is 'applied'; or, and nothing has happened, 'target_gone', 'fenced', 'not_confirmed'. Locks
-- that do not come in time fail the statement (55P03), and nothing has happened either.
CREATE FUNCTION fature_v2.commit_move(p_move bigint, p_from bigint, OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
SET lock_timeout = '300ms'
AS $$
DECLARE
    reached bigint;
BEGIN
    SELECT * INTO move FROM shard_move WHERE move_id = p_move AND from_instance = p_from;
    IF NOT FOUND THEN
        outcome := 'not_confirmed';
        RETURN;
    END IF;
    PERFORM 1 FROM worker_lease WHERE instance_id = move.to_instance AND expires_at > clock_timestamp() FOR KEY SHARE;
    IF NOT FOUND THEN
        outcome := 'target_gone';
        RETURN;
    END IF;
    PERFORM 1 FROM shard WHERE id = move.shard_id AND owner = p_from AND epoch = move.from_epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'fenced';
        RETURN;
    END IF;
    -- A statement of its own, so that it sees everything that was committed before the shard's row was ours.
    SELECT last_seq INTO reached FROM shard_sequence WHERE shard_id = move.shard_id;
    UPDATE shard_move SET state = 'committed', commit_seq = reached, ended_at = clock_timestamp()
    WHERE move_id = p_move AND state = 'confirmed'
    RETURNING * INTO move;
    IF NOT FOUND THEN
        outcome := 'not_confirmed';
        SELECT * INTO move FROM shard_move WHERE move_id = p_move;
        RETURN;
    END IF;
    UPDATE shard SET owner = move.to_instance, epoch = epoch + 1 WHERE id = move.shard_id;
    PERFORM bump_topology();
    PERFORM pg_notify('fature_move', p_move::text);
    outcome := 'applied';
END
$$;

-- Aborts these of the moves that are still active, in ascending order. Answers which.
CREATE FUNCTION fature_v2.abort_moves(p_moves bigint[], p_reason text) RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    ended bigint[];
BEGIN
    SELECT array_agg(move_id) INTO ended
    FROM (
        SELECT move_id FROM shard_move WHERE move_id = ANY (p_moves) AND state NOT IN ('committed', 'aborted')
        ORDER BY move_id FOR NO KEY UPDATE
    ) AS held;
    IF ended IS NULL THEN
        RETURN '{}';
    END IF;
    UPDATE shard_move
    SET state = 'aborted', aborted_in = state, abort_reason = p_reason, ended_at = clock_timestamp()
    WHERE move_id = ANY (ended);
    PERFORM pg_notify('fature_move', e::text) FROM unnest(ended) AS e;
    RETURN ended;
END
$$;

-- The outcome is 'aborted', with the moves whose time was over, or 'term_lost'.
CREATE FUNCTION fature_v2.abort_overdue_moves(p_term bigint, OUT outcome text, OUT moves bigint[])
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM coordinator_lease WHERE term = p_term FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'term_lost';
        RETURN;
    END IF;
    outcome := 'aborted';
    moves := abort_moves(
        ARRAY(SELECT move_id FROM shard_move WHERE state NOT IN ('committed', 'aborted') AND deadline <= clock_timestamp()),
        'move_deadline');
END
$$;

-- As before, and the moves of the shards that go away from their source end.
CREATE OR REPLACE FUNCTION fature_v2.free_shards(p_instances bigint[]) RETURNS smallint[]
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    freed smallint[];
BEGIN
    SELECT array_agg(id) INTO freed
    FROM (SELECT id FROM shard WHERE owner = ANY (p_instances) ORDER BY id FOR NO KEY UPDATE) AS held;
    IF freed IS NOT NULL THEN
        UPDATE shard SET owner = NULL WHERE id = ANY (freed);
        PERFORM abort_moves(
            ARRAY(SELECT move_id FROM shard_move WHERE shard_id = ANY (freed) AND state NOT IN ('committed', 'aborted')), 'source_lost');
    END IF;
    -- What was on its way to these instances stays where it is.
    PERFORM abort_moves(
        ARRAY(SELECT move_id FROM shard_move WHERE to_instance = ANY (p_instances) AND state NOT IN ('committed', 'aborted')), 'target_lost');
    RETURN coalesce(freed, '{}');
END
$$;

-- One step of the plan that is applied: takes down how its moves ended, and orders one more if the throttles allow. The outcome is
-- 'idle' (no plan is under way), 'ordered' or 'progressed' (call again), 'waiting' (for moves, for time, for a person, for the p99), or
-- 'term_lost'.
CREATE FUNCTION fature_v2.advance_rebalance(
    p_term bigint, p_p99_microseconds bigint, p_deadline_milliseconds bigint, p_attempts_max bigint, p_retry_milliseconds bigint,
    OUT outcome text, OUT plan bigint, OUT move bigint)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    under_way rebalance_plan;
    candidate rebalance_move;
    ordered record;
    because text;
    passing CONSTANT text[] :=
        '{hold_deadline,settle_deadline,copy_lost,outcome_unknown,load_failed,move_deadline}';
BEGIN
    outcome := 'idle';
    IF NOT EXISTS (SELECT 1 FROM rebalance_plan WHERE state IN ('applying', 'paused'))
        AND NOT EXISTS (SELECT 1 FROM rebalance_move WHERE state = 'moving') THEN
        RETURN;
    END IF;
    PERFORM 1 FROM rebalance_plan p
    WHERE p.state IN ('applying', 'paused') OR p.plan_id IN (SELECT m.plan_id FROM rebalance_move m WHERE m.state = 'moving')
    ORDER BY p.plan_id FOR UPDATE;
    PERFORM 1 FROM coordinator_lease WHERE term = p_term FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'term_lost';
        RETURN;
    END IF;

    -- How moves ended, those of plans that were aborted meanwhile too.
    UPDATE rebalance_move m
    SET state = CASE
            WHEN s.state = 'committed' THEN 'done'
            WHEN s.abort_reason = ANY (passing) AND m.attempts < p_attempts_max AND p.state IN ('applying', 'paused') THEN 'planned'
            ELSE 'failed'
        END,
        failure = s.abort_reason,
        not_before = clock_timestamp() + m.attempts * p_retry_milliseconds * interval '1 millisecond',
        ended_at = s.ended_at
    FROM shard_move s, rebalance_plan p
    WHERE m.state = 'moving' AND s.move_id = m.move_id AND s.state IN ('committed', 'aborted') AND p.plan_id = m.plan_id;

    SELECT * INTO under_way FROM rebalance_plan WHERE state IN ('applying', 'paused');
    IF NOT FOUND THEN
        outcome := 'waiting';
        RETURN;
    END IF;
    plan := under_way.plan_id;
    IF NOT EXISTS (SELECT 1 FROM rebalance_move WHERE plan_id = plan AND state IN ('planned', 'moving')) THEN
        PERFORM enter_rebalance_state(
            plan,
            CASE WHEN EXISTS (SELECT 1 FROM rebalance_move WHERE plan_id = plan AND state <> 'done') THEN 'partial' ELSE 'done' END,
            NULL, 'coordinator', NULL);
        outcome := 'progressed';
        RETURN;
    END IF;

    outcome := 'waiting';
    IF under_way.state = 'paused' THEN
        RETURN;
    END IF;
    IF p_p99_microseconds > under_way.p99_microseconds_max THEN
        because := format('the p99 of %s µs is above the limit of %s µs', p_p99_microseconds, under_way.p99_microseconds_max);
    ELSIF (SELECT count(*) FROM shard_move WHERE state NOT IN ('committed', 'aborted')) >= under_way.moves_at_once THEN
        because := format('%s moves are under way', under_way.moves_at_once);
    ELSE
        SELECT m.* INTO candidate FROM rebalance_move m
        WHERE m.plan_id = plan AND m.state = 'planned' AND m.not_before <= clock_timestamp()
            AND NOT EXISTS (SELECT 1 FROM shard_move s WHERE s.shard_id = m.shard_id AND s.state NOT IN ('committed', 'aborted'))
            AND (SELECT count(*) FROM shard_move s WHERE s.from_instance = m.from_instance AND s.state NOT IN ('committed', 'aborted'))
                < under_way.moves_per_source
            AND (SELECT count(*) FROM shard_move s WHERE s.to_instance = m.to_instance AND s.state NOT IN ('committed', 'aborted'))
                < under_way.moves_per_target
        ORDER BY m.position LIMIT 1;
        IF NOT FOUND THEN
            because := 'moves under way or tried again later come first';
        END IF;
    END IF;
    IF because IS DISTINCT FROM under_way.waits_because THEN
        UPDATE rebalance_plan SET waits_because = because WHERE plan_id = plan;
    END IF;
    IF because IS NOT NULL THEN
        RETURN;
    END IF;

    IF EXISTS (
        SELECT 1 FROM worker_standing s JOIN worker_lease w ON w.name = s.name WHERE w.instance_id = candidate.to_instance) THEN
        UPDATE rebalance_move SET state = 'failed', failure = 'target_closed', ended_at = clock_timestamp()
        WHERE plan_id = plan AND position = candidate.position;
        outcome := 'progressed';
        RETURN;
    END IF;
    SELECT o.outcome, (o.move).move_id INTO ordered
    FROM order_move(
        p_term, plan, candidate.shard_id, candidate.from_instance, candidate.from_epoch, candidate.to_instance, p_deadline_milliseconds) AS o;
    CASE ordered.outcome
        WHEN 'ordered' THEN
            UPDATE rebalance_move
            SET state = 'moving', attempts = attempts + 1, move_id = ordered.move_id, failure = NULL, ended_at = NULL
            WHERE plan_id = plan AND position = candidate.position;
            outcome := 'ordered';
            move := ordered.move_id;
        WHEN 'target_gone' THEN
            UPDATE rebalance_move SET state = 'failed', failure = 'target_lost', ended_at = clock_timestamp()
            WHERE plan_id = plan AND position = candidate.position;
            outcome := 'progressed';
        WHEN 'owner_changed' THEN
            UPDATE rebalance_move m
            SET state = CASE WHEN s.owner = m.to_instance THEN 'done' ELSE 'failed' END,
                failure = CASE WHEN s.owner = m.to_instance THEN NULL ELSE 'owner_changed' END, ended_at = clock_timestamp()
            FROM shard s
            WHERE m.plan_id = plan AND m.position = candidate.position AND s.id = m.shard_id;
            outcome := 'progressed';
        ELSE
            -- 'busy': somebody else moves that shard since we looked.
            NULL;
    END CASE;
END
$$;
