-- What a worker leaves behind is freed in one order: shards, hand-offs, standbys, each ascending and once. A second pass over hand-offs, for those that
-- were to come to the worker, would ask for lower numbers than are held already: two workers that give each other shards and stop at once, or
-- one that stops while overdue hand-offs are aborted, would wait for each other.
CREATE OR REPLACE FUNCTION fature_v2.free_shards(p_instances bigint[]) RETURNS smallint[]
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    freed smallint[];
    ended bigint[];
BEGIN
    SELECT coalesce(array_agg(id), '{}') INTO freed
    FROM (SELECT id FROM shard WHERE owner = ANY (p_instances) ORDER BY id FOR NO KEY UPDATE) AS held;
    UPDATE shard SET owner = NULL WHERE id = ANY (freed);

    -- The hand-offs of these shards end, and what was on its way to these instances stays where it is.
    SELECT coalesce(array_agg(move_id), '{}') INTO ended
    FROM (
        SELECT move_id FROM shard_move
        WHERE (shard_id = ANY (freed) OR to_instance = ANY (p_instances)) AND state NOT IN ('committed', 'aborted')
        ORDER BY move_id FOR NO KEY UPDATE
    ) AS held;
    UPDATE shard_move
    SET state = 'aborted', aborted_in = state, ended_at = clock_timestamp(),
        abort_reason = CASE WHEN shard_id = ANY (freed) THEN 'source_lost' ELSE 'target_lost' END
    WHERE move_id = ANY (ended);
    PERFORM pg_notify('fature_move', e::text) FROM unnest(ended) AS e;

    PERFORM 1 FROM shard_standby WHERE instance_id = ANY (p_instances) ORDER BY shard_id FOR UPDATE;
    DELETE FROM shard_standby WHERE instance_id = ANY (p_instances);
    RETURN freed;
END
$$;
