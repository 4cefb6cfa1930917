DROP FUNCTION fature_v2.advance_rebalance, fature_v2.abort_overdue_moves;
-- As migration 4 made it.
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
    END IF;
    RETURN coalesce(freed, '{}');
END
$$;
DROP FUNCTION fature_v2.abort_moves, fature_v2.commit_move, fature_v2.abort_move, fature_v2.confirm_move, fature_v2.seal_move,
    fature_v2.ready_move, fature_v2.order_move;
DROP TABLE fature_v2.shard_move;
