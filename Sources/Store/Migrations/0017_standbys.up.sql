-- Which worker keeps a warm copy of which shard, beside its owner: it follows the shard and takes it up when the owner dies. And a plan's throttles
-- for those who hand off.
-- Lock order: coordinator_lease, worker_lease, shard (ascending id), shard_move, shard_standby (ascending id), topology.

CREATE TABLE fature_v2.shard_standby (
    shard_id     smallint PRIMARY KEY CHECK (shard_id BETWEEN 0 AND 255),
    instance_id  bigint NOT NULL,
    since        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- An owner stands by for nobody but others.
CREATE FUNCTION fature_v2.end_standby_of_owner() RETURNS trigger
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    DELETE FROM shard_standby WHERE shard_id = NEW.id AND instance_id = NEW.owner;
    RETURN NULL;
END
$$;
CREATE TRIGGER shard_standby_of_owner AFTER UPDATE OF owner ON fature_v2.shard
FOR EACH ROW WHEN (NEW.owner IS NOT NULL AND NEW.owner IS DISTINCT FROM OLD.owner)
EXECUTE FUNCTION fature_v2.end_standby_of_owner();

-- Gives shards other standbys; a null instance: none. Those that are the owner or have no live lease by now are passed over. The outcome is
-- 'placed', with how many rows changed and the topology's version then (null: nothing has changed), or 'term_lost'.
CREATE FUNCTION fature_v2.place_standbys(
    p_term bigint, p_shards smallint[], p_instances bigint[],
    OUT outcome text, OUT changed bigint, OUT topology_version bigint)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    IF cardinality(p_shards) <> cardinality(p_instances)
        OR cardinality(p_shards) <> (SELECT count(DISTINCT s) FROM unnest(p_shards) AS s) THEN
        RAISE EXCEPTION 'place_standbys needs distinct shards and one instance or null for each'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM 1 FROM coordinator_lease WHERE term = p_term FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'term_lost';
        RETURN;
    END IF;
    -- Holds off the removal of these leases, and changes of these owners, until we commit.
    PERFORM 1 FROM worker_lease WHERE instance_id = ANY (p_instances) ORDER BY instance_id FOR KEY SHARE;
    PERFORM 1 FROM shard WHERE id = ANY (p_shards) ORDER BY id FOR SHARE;
    PERFORM 1 FROM shard_standby WHERE shard_id = ANY (p_shards) ORDER BY shard_id FOR UPDATE;

    DELETE FROM shard_standby USING unnest(p_shards, p_instances) AS wanted (shard_id, instance_id)
    WHERE shard_standby.shard_id = wanted.shard_id AND wanted.instance_id IS NULL;
    GET DIAGNOSTICS removed = ROW_COUNT;
    INSERT INTO shard_standby AS standing (shard_id, instance_id)
    SELECT wanted.shard_id, wanted.instance_id
    FROM unnest(p_shards, p_instances) AS wanted (shard_id, instance_id)
        JOIN worker_lease w ON w.instance_id = wanted.instance_id AND w.expires_at > clock_timestamp()
        JOIN shard h ON h.id = wanted.shard_id AND h.owner IS DISTINCT FROM wanted.instance_id
    ORDER BY wanted.shard_id
    ON CONFLICT (shard_id) DO UPDATE SET instance_id = excluded.instance_id, since = clock_timestamp()
    WHERE standing.instance_id <> excluded.instance_id;
    GET DIAGNOSTICS changed = ROW_COUNT;
    changed := changed + removed;
    outcome := 'placed';
    IF changed > 0 THEN
        topology_version := bump_topology();
    END IF;
END
$$;

-- As before, and whatever these instances stood by for has no standby now.
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
    PERFORM 1 FROM shard_standby WHERE instance_id = ANY (p_instances) ORDER BY shard_id FOR UPDATE;
    DELETE FROM shard_standby WHERE instance_id = ANY (p_instances);
    RETURN coalesce(freed, '{}');
END
$$;

-- How many changes the target may be behind to be ready, and how long the source may hold writes: the plan's, or the defaults.
ALTER TABLE fature_v2.shard_move
    ADD COLUMN lag_changes_max bigint NOT NULL DEFAULT 256 CHECK (lag_changes_max >= 0),
    ADD COLUMN hold_milliseconds_max bigint NOT NULL DEFAULT 1000 CHECK (hold_milliseconds_max > 0);

-- As before, with the plan's throttles.
CREATE OR REPLACE FUNCTION fature_v2.order_move(
    p_term bigint, p_plan bigint, p_shard bigint, p_from bigint, p_from_epoch bigint, p_to bigint, p_deadline_milliseconds bigint,
    OUT outcome text, OUT move fature_v2.shard_move)
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    lag bigint;
    hold bigint;
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
    SELECT p.lag_changes_max, p.hold_milliseconds_max INTO lag, hold FROM rebalance_plan p WHERE p.plan_id = p_plan;
    INSERT INTO shard_move (
        plan_id, shard_id, from_instance, to_instance, from_epoch, term, deadline, lag_changes_max, hold_milliseconds_max)
    VALUES (
        p_plan, p_shard, p_from, p_to, p_from_epoch, p_term, clock_timestamp() + p_deadline_milliseconds * interval '1 millisecond',
        coalesce(lag, 256), coalesce(hold, 1000))
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
