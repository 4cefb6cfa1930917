DROP TABLE fature_v2.shard_sequence;
DROP TABLE fature_v2.shard;

-- Only the extension that the migration up made, and only when nothing else has come to use it (RESTRICT).
DO $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM pg_extension e
        WHERE e.extname = 'ltree' AND obj_description(e.oid, 'pg_extension') = 'made by the migrations of fature_v2'
    ) THEN
        DROP EXTENSION ltree;
    END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
    COMMENT ON EXTENSION ltree IS 'data type for hierarchical tree-like structures';
END
$$;
