-- The virtual shards, who owns each, and the numbering of the changes to each.

-- ltree carries hierarchy_path. It lives in public, where every session finds its operators without a search path
-- of its own. The comment tells the migration down that we made it, and that it is ours to drop.
DO $$
DECLARE
    present name;
BEGIN
    SELECT n.nspname INTO present FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'ltree';
    IF present IS NULL THEN
        CREATE EXTENSION ltree WITH SCHEMA public;
        COMMENT ON EXTENSION ltree IS 'made by the migrations of fature_v2';
    ELSIF present <> 'public' THEN
        RAISE EXCEPTION 'the extension ltree is installed in schema %; run: ALTER EXTENSION ltree SET SCHEMA public', present;
    END IF;
END
$$;

-- Who owns a shard, by which epoch. A worker's write begins with a FOR SHARE on this row (the fence), so that the
-- owner cannot change between the check and the commit.
CREATE TABLE fature_v2.shard (
    id       smallint PRIMARY KEY CHECK (id BETWEEN 0 AND 255),
    owner    bigint,                                -- worker_lease.instance_id, or null: nobody serves it
    epoch    bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0)
);
-- Ownership changes rewrite these 256 rows again and again: room on the page keeps that in place.
ALTER TABLE fature_v2.shard SET (fillfactor = 50);
INSERT INTO fature_v2.shard (id) SELECT generate_series(0, 255);

-- How many changes a shard has seen, and how many affiliates it holds. This row, locked FOR UPDATE, is also what
-- orders all writes to the affiliates of one shard: nobody writes a shard's rows without holding it.
CREATE TABLE fature_v2.shard_sequence (
    shard_id          smallint PRIMARY KEY CHECK (shard_id BETWEEN 0 AND 255),
    last_seq          bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    affiliates_count  bigint NOT NULL DEFAULT 0 CHECK (affiliates_count >= 0)
);
ALTER TABLE fature_v2.shard_sequence SET (fillfactor = 25);
INSERT INTO fature_v2.shard_sequence (shard_id) SELECT generate_series(0, 255);
