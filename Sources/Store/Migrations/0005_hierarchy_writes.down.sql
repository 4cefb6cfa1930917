DROP FUNCTION fature_v2.announce_bulk_load(smallint[]);
DROP FUNCTION fature_v2.move_affiliate(smallint, bigint, bigint, bigint, bigint, text, text, text);
DROP FUNCTION fature_v2.set_affiliate_status(smallint, bigint, bigint, bigint, text, text, text, text);
DROP FUNCTION fature_v2.join_affiliate(
    smallint, bigint, bigint, bigint, bigint, text, text, text, text, text, text, text, text, timestamptz, text, text);
DROP FUNCTION fature_v2.take_fence(smallint, bigint, bigint);
DROP FUNCTION fature_v2.next_affiliate_id();
DROP FUNCTION fature_v2.path_ids(ltree);
DROP TYPE fature_v2.hierarchy_write;
