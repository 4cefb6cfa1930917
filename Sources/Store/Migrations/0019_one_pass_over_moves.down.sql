-- As migration 17 made it.
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
