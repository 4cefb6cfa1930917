-- As migration 16 made them.
CREATE OR REPLACE FUNCTION fature_v2.order_move(
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
DROP FUNCTION fature_v2.place_standbys;
DROP TRIGGER shard_standby_of_owner ON fature_v2.shard;
DROP FUNCTION fature_v2.end_standby_of_owner;
DROP TABLE fature_v2.shard_standby;
ALTER TABLE fature_v2.shard_move DROP COLUMN lag_changes_max, DROP COLUMN hold_milliseconds_max;
