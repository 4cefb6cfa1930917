-- Leases of workers and of the coordinator, and the assignment of shards. All times are the server's clock_timestamp().
-- Lock order: coordinator_lease, worker_lease, shard (ascending id), topology.

CREATE TABLE fature_v2.worker_lease (
    instance_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL CHECK (name <> ''),
    address        text NOT NULL CHECK (address <> ''),   -- host:port where gateways reach it
    capacity       bigint NOT NULL CHECK (capacity > 0),  -- relative weight for the planner
    version        text NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL
);

-- One row. The term rises with every take-over and never falls.
CREATE TABLE fature_v2.coordinator_lease (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    term        bigint NOT NULL CHECK (term >= 0),
    holder      text,
    expires_at  timestamptz NOT NULL
);
INSERT INTO fature_v2.coordinator_lease (term, holder, expires_at) VALUES (0, NULL, '-infinity');

-- One row: rises with every change of an owner, so that "is my picture current?" costs one row.
CREATE TABLE fature_v2.topology (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version    bigint NOT NULL CHECK (version >= 0)
);
INSERT INTO fature_v2.topology (version) VALUES (0);

CREATE FUNCTION fature_v2.bump_topology() RETURNS bigint
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    bumped bigint;
BEGIN
    UPDATE topology SET version = version + 1 RETURNING version INTO bumped;
    PERFORM pg_notify('fature_topology', bumped::text);
    RETURN bumped;
END
$$;

-- Assigns free shards to live workers, all of them or none. The outcome is 'assigned' with the new topology version,
-- 'term_lost', 'instance_gone' or 'not_free'; refused names the instances or the shards that were refused.
CREATE FUNCTION fature_v2.assign_shards(
    p_term bigint, p_shards smallint[], p_instances bigint[],
    OUT outcome text, OUT topology_version bigint, OUT refused bigint[])
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    IF cardinality(p_shards) <> cardinality(p_instances)
        OR cardinality(p_shards) <> (SELECT count(DISTINCT s) FROM unnest(p_shards) AS s) THEN
        RAISE EXCEPTION 'assign_shards needs distinct shards and one instance for each' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM 1 FROM coordinator_lease WHERE term = p_term FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'term_lost';
        RETURN;
    END IF;

    -- FOR SHARE holds off the removal of these leases until we commit.
    PERFORM 1 FROM worker_lease WHERE instance_id = ANY (p_instances) ORDER BY instance_id FOR SHARE;
    SELECT array_agg(DISTINCT wanted ORDER BY wanted) INTO refused
    FROM unnest(p_instances) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM worker_lease WHERE instance_id = wanted AND expires_at > clock_timestamp());
    IF refused IS NOT NULL THEN
        outcome := 'instance_gone';
        RETURN;
    END IF;

    PERFORM 1 FROM shard WHERE id = ANY (p_shards) ORDER BY id FOR NO KEY UPDATE;
    SELECT array_agg(wanted::bigint ORDER BY wanted) INTO refused
    FROM unnest(p_shards) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM shard WHERE id = wanted AND owner IS NULL);
    IF refused IS NOT NULL THEN
        outcome := 'not_free';
        RETURN;
    END IF;

    UPDATE shard SET owner = wanted.instance_id, epoch = epoch + 1
    FROM unnest(p_shards, p_instances) AS wanted (shard_id, instance_id)
    WHERE shard.id = wanted.shard_id;
    outcome := 'assigned';
    topology_version := bump_topology();
END
$$;

-- Frees the shards of the given instances in ascending order; the leases must be gone in the same transaction already.
CREATE FUNCTION fature_v2.free_shards(p_instances bigint[]) RETURNS smallint[]
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
    END IF;
    RETURN coalesce(freed, '{}');
END
$$;

-- Takes away every lease that has expired and frees its shards. The outcome is 'released' or 'term_lost'.
CREATE FUNCTION fature_v2.release_dead_workers(
    p_term bigint, OUT outcome text, OUT topology_version bigint, OUT instances bigint[], OUT shards smallint[])
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    orphaned bigint[];
BEGIN
    PERFORM 1 FROM coordinator_lease WHERE term = p_term FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'term_lost';
        RETURN;
    END IF;
    outcome := 'released';
    WITH expired AS (
        SELECT instance_id FROM worker_lease WHERE expires_at <= clock_timestamp() ORDER BY instance_id FOR UPDATE
    ), removed AS (
        DELETE FROM worker_lease USING expired WHERE worker_lease.instance_id = expired.instance_id
        RETURNING worker_lease.instance_id
    )
    SELECT coalesce(array_agg(instance_id ORDER BY instance_id), '{}') INTO instances FROM removed;
    -- Owners without any lease cannot come about through these functions; freeing them too heals a restored backup.
    SELECT coalesce(array_agg(DISTINCT owner), '{}') INTO orphaned
    FROM shard WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM worker_lease WHERE instance_id = owner);
    shards := free_shards(instances || orphaned);
    IF cardinality(instances) > 0 OR cardinality(shards) > 0 THEN
        topology_version := bump_topology();
    END IF;
END
$$;

-- A worker leaves of its own accord: its lease ends and its shards are free at once. False when the lease was gone.
CREATE FUNCTION fature_v2.release_worker(p_instance bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    DELETE FROM worker_lease WHERE instance_id = p_instance;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM free_shards(ARRAY[p_instance]);
    PERFORM bump_topology();
    RETURN true;
END
$$;
