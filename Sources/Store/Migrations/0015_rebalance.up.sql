-- Plans of rebalances and their moves, and what workers may be given.
-- Lock order: rebalance_plan, coordinator_lease, worker_lease, shard (ascending id), shard_move, topology.

-- What may be given to the workers of a name; no row: anything. By name, so that it outlives a restart of the process.
CREATE TABLE fature_v2.worker_standing (
    name      text PRIMARY KEY CHECK (name <> ''),
    standing  text NOT NULL CHECK (standing IN ('cordoned', 'draining')),
    reason    text,
    actor     text NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE fature_v2.rebalance_plan (
    plan_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state             text NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'refused', 'applying', 'paused', 'done', 'partial', 'aborted')),
    weight            text NOT NULL CHECK (weight IN ('affiliates', 'traffic', 'jobs')),
    threshold         integer NOT NULL CHECK (threshold >= 0),     -- 1/10,000 above the fair share
    moves_max         integer CHECK (moves_max >= 0),
    drained           text[] NOT NULL,                             -- workers that become draining when it is applied
    topology_version  bigint NOT NULL,
    document          jsonb NOT NULL,                              -- the plan as it was shown
    actor             text NOT NULL,
    planned_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The last change of the state: when, by whom, why.
    state_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    state_by          text NOT NULL,
    state_reason      text,
    -- Throttles, set when it is applied.
    moves_at_once           integer CHECK (moves_at_once > 0),
    moves_per_source        integer CHECK (moves_per_source > 0),
    moves_per_target        integer CHECK (moves_per_target > 0),
    lag_changes_max         bigint CHECK (lag_changes_max >= 0),
    hold_milliseconds_max   bigint CHECK (hold_milliseconds_max > 0),
    p99_microseconds_max    bigint CHECK (p99_microseconds_max > 0),   -- null: no limit
    waits_because           text                                       -- why no move begins at the moment
);
CREATE UNIQUE INDEX rebalance_plan_active_idx ON fature_v2.rebalance_plan ((true)) WHERE state IN ('applying', 'paused');

CREATE TABLE fature_v2.rebalance_move (
    plan_id        bigint NOT NULL,
    position       integer NOT NULL CHECK (position > 0),     -- 1, 2, 3, …: the order in which they begin
    shard_id       smallint NOT NULL CHECK (shard_id BETWEEN 0 AND 255),
    from_instance  bigint NOT NULL,
    to_instance    bigint NOT NULL CHECK (to_instance <> from_instance),
    from_epoch     bigint NOT NULL,
    reason         text NOT NULL CHECK (reason IN ('drain', 'overload', 'make_room')),
    weight         bigint NOT NULL,
    affiliates     bigint NOT NULL,
    state          text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'moving', 'done', 'failed', 'skipped')),
    attempts       integer NOT NULL DEFAULT 0,
    not_before     timestamptz NOT NULL DEFAULT '-infinity',
    move_id        bigint,                                    -- shard_move of the last attempt
    failure        text,
    ended_at       timestamptz,
    PRIMARY KEY (plan_id, position),
    CONSTRAINT rebalance_move_once UNIQUE (plan_id, shard_id)
);
CREATE INDEX rebalance_move_moving_idx ON fature_v2.rebalance_move (plan_id) WHERE state = 'moving';

-- Gives the workers of a name another standing, 'open' included, with an audit row. Answers what it was.
CREATE FUNCTION fature_v2.set_worker_standing(p_name text, p_standing text, p_reason text, p_actor text, p_request_id text)
RETURNS text
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    before text;
BEGIN
    SELECT standing INTO before FROM worker_standing WHERE name = p_name FOR UPDATE;
    before := coalesce(before, 'open');
    IF before = p_standing THEN
        RETURN before;
    END IF;
    IF p_standing = 'open' THEN
        DELETE FROM worker_standing WHERE name = p_name;
    ELSE
        INSERT INTO worker_standing (name, standing, reason, actor) VALUES (p_name, p_standing, p_reason, p_actor)
        ON CONFLICT (name) DO UPDATE
        SET standing = excluded.standing, reason = excluded.reason, actor = excluded.actor, since = clock_timestamp();
    END IF;
    INSERT INTO audit_log (table_name, record_id, operation, old_values, new_values, actor, request_id)
    VALUES ('worker_standing', p_name, 'update', jsonb_build_object('standing', before),
        jsonb_build_object('standing', p_standing, 'reason', p_reason), p_actor, p_request_id);
    RETURN before;
END
$$;

-- Keeps a plan and its moves, in order, and forgets the oldest that nobody needs beyond p_kept. Answers its number.
CREATE FUNCTION fature_v2.store_rebalance_plan(
    p_weight text, p_threshold bigint, p_moves_max bigint, p_drained text[], p_topology_version bigint, p_document jsonb,
    p_shards bigint[], p_from bigint[], p_to bigint[], p_epochs bigint[], p_reasons text[], p_weights bigint[], p_affiliates bigint[],
    p_kept bigint, p_actor text, p_request_id text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    stored bigint;
    forgotten bigint[];
BEGIN
    INSERT INTO rebalance_plan (weight, threshold, moves_max, drained, topology_version, document, actor, state_by)
    VALUES (p_weight, p_threshold, p_moves_max, p_drained, p_topology_version, p_document, p_actor, p_actor)
    RETURNING plan_id INTO stored;
    INSERT INTO rebalance_move (plan_id, position, shard_id, from_instance, to_instance, from_epoch, reason, weight, affiliates)
    SELECT stored, m.position, m.shard_id, m.from_instance, m.to_instance, m.from_epoch, m.reason, m.weight, m.affiliates
    FROM unnest(p_shards, p_from, p_to, p_epochs, p_reasons, p_weights, p_affiliates) WITH ORDINALITY
        AS m (shard_id, from_instance, to_instance, from_epoch, reason, weight, affiliates, position);
    INSERT INTO audit_log (table_name, record_id, operation, new_values, actor, request_id)
    VALUES ('rebalance_plan', stored::text, 'insert',
        jsonb_build_object('state', 'planned', 'moves', cardinality(p_shards), 'weight', p_weight, 'drained', p_drained),
        p_actor, p_request_id);
    SELECT array_agg(plan_id) INTO forgotten
    FROM (
        SELECT p.plan_id FROM rebalance_plan p
        WHERE p.plan_id <= stored - p_kept AND p.state NOT IN ('applying', 'paused')
            AND NOT EXISTS (SELECT 1 FROM rebalance_move m WHERE m.plan_id = p.plan_id AND m.state = 'moving')
        ORDER BY p.plan_id LIMIT 100 FOR UPDATE SKIP LOCKED
    ) AS old;
    IF forgotten IS NOT NULL THEN
        DELETE FROM rebalance_move WHERE plan_id = ANY (forgotten);
        DELETE FROM rebalance_plan WHERE plan_id = ANY (forgotten);
    END IF;
    RETURN stored;
END
$$;

-- Another state for a plan that the caller has locked, with its audit row.
CREATE FUNCTION fature_v2.enter_rebalance_state(p_plan bigint, p_state text, p_reason text, p_actor text, p_request_id text)
RETURNS void
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    before text;
BEGIN
    SELECT state INTO before FROM rebalance_plan WHERE plan_id = p_plan;
    UPDATE rebalance_plan
    SET state = p_state, state_at = clock_timestamp(), state_by = p_actor, state_reason = p_reason, waits_because = NULL
    WHERE plan_id = p_plan;
    INSERT INTO audit_log (table_name, record_id, operation, old_values, new_values, actor, request_id)
    VALUES ('rebalance_plan', p_plan::text, 'update', jsonb_build_object('state', before),
        jsonb_build_object('state', p_state, 'reason', p_reason), p_actor, p_request_id);
END
$$;

-- Has a plan carried out, exactly as it stands. The outcome is 'applying'; or, with nothing moved, 'no_such_plan', 'not_planned' (its state
-- says what it is), 'nothing_to_move', 'other_active' (another plan is applied), or 'refused' for good: shards have another owner or epoch
-- (changed_shards), or targets are gone or closed (lost_targets).
CREATE FUNCTION fature_v2.apply_rebalance_plan(
    p_plan bigint, p_moves_at_once bigint, p_moves_per_source bigint, p_moves_per_target bigint, p_lag_changes_max bigint,
    p_hold_milliseconds_max bigint, p_p99_microseconds_max bigint, p_actor text, p_request_id text,
    OUT outcome text, OUT plan_state text, OUT other_plan bigint, OUT changed_shards bigint[], OUT lost_targets bigint[])
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    plan rebalance_plan;
    drained_name text;
BEGIN
    SELECT * INTO plan FROM rebalance_plan WHERE plan_id = p_plan FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'no_such_plan';
        RETURN;
    END IF;
    plan_state := plan.state;
    IF plan.state <> 'planned' THEN
        outcome := 'not_planned';
        RETURN;
    END IF;
    SELECT plan_id INTO other_plan FROM rebalance_plan WHERE state IN ('applying', 'paused');
    IF FOUND THEN
        outcome := 'other_active';
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM rebalance_move WHERE plan_id = p_plan) THEN
        outcome := 'nothing_to_move';
        RETURN;
    END IF;

    PERFORM 1 FROM worker_lease WHERE instance_id IN (SELECT to_instance FROM rebalance_move WHERE plan_id = p_plan)
    ORDER BY instance_id FOR KEY SHARE;
    PERFORM 1 FROM shard WHERE id IN (SELECT shard_id FROM rebalance_move WHERE plan_id = p_plan) ORDER BY id FOR SHARE;
    SELECT array_agg(m.shard_id::bigint ORDER BY m.shard_id) INTO changed_shards
    FROM rebalance_move m JOIN shard s ON s.id = m.shard_id
    WHERE m.plan_id = p_plan AND (s.owner IS DISTINCT FROM m.from_instance OR s.epoch <> m.from_epoch);
    SELECT array_agg(DISTINCT m.to_instance ORDER BY m.to_instance) INTO lost_targets
    FROM rebalance_move m
    WHERE m.plan_id = p_plan AND NOT EXISTS (
        SELECT 1 FROM worker_lease w
        WHERE w.instance_id = m.to_instance AND w.expires_at > clock_timestamp() AND NOT w.name = ANY (plan.drained)
            AND NOT EXISTS (SELECT 1 FROM worker_standing s WHERE s.name = w.name));
    IF changed_shards IS NOT NULL OR lost_targets IS NOT NULL THEN
        outcome := 'refused';
        plan_state := 'refused';
        PERFORM enter_rebalance_state(
            p_plan, 'refused',
            concat_ws('; ', 'shards with another owner or epoch: ' || array_to_string(changed_shards, ', '),
                'targets gone or closed: ' || array_to_string(lost_targets, ', ')),
            p_actor, p_request_id);
        RETURN;
    END IF;

    BEGIN
        UPDATE rebalance_plan
        SET moves_at_once = p_moves_at_once, moves_per_source = p_moves_per_source, moves_per_target = p_moves_per_target,
            lag_changes_max = p_lag_changes_max, hold_milliseconds_max = p_hold_milliseconds_max,
            p99_microseconds_max = p_p99_microseconds_max
        WHERE plan_id = p_plan;
        PERFORM enter_rebalance_state(p_plan, 'applying', NULL, p_actor, p_request_id);
    EXCEPTION WHEN unique_violation THEN
        -- Another plan was applied since we looked.
        outcome := 'other_active';
        SELECT plan_id INTO other_plan FROM rebalance_plan WHERE state IN ('applying', 'paused');
        RETURN;
    END;
    FOREACH drained_name IN ARRAY plan.drained LOOP
        PERFORM set_worker_standing(
            drained_name, 'draining', format('rebalance plan %s', p_plan), p_actor, p_request_id);
    END LOOP;
    outcome := 'applying';
    plan_state := 'applying';
END
$$;

-- 'pause', 'resume' or 'abort'. The outcome is 'done', 'no_such_plan' or 'wrong_state'; plan_state is the state afterwards.
CREATE FUNCTION fature_v2.steer_rebalance_plan(
    p_plan bigint, p_action text, p_reason text, p_actor text, p_request_id text, OUT outcome text, OUT plan_state text)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    wanted text;
BEGIN
    SELECT state INTO plan_state FROM rebalance_plan WHERE plan_id = p_plan FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'no_such_plan';
        RETURN;
    END IF;
    wanted := CASE
        WHEN p_action = 'pause' AND plan_state = 'applying' THEN 'paused'
        WHEN p_action = 'resume' AND plan_state = 'paused' THEN 'applying'
        WHEN p_action = 'abort' AND plan_state IN ('planned', 'applying', 'paused') THEN 'aborted'
    END;
    IF wanted IS NULL THEN
        outcome := 'wrong_state';
        RETURN;
    END IF;
    IF wanted = 'aborted' THEN
        UPDATE rebalance_move SET state = 'skipped', ended_at = clock_timestamp() WHERE plan_id = p_plan AND state = 'planned';
    END IF;
    PERFORM enter_rebalance_state(p_plan, wanted, p_reason, p_actor, p_request_id);
    outcome := 'done';
    plan_state := wanted;
END
$$;
