DROP FUNCTION fature_v2.decide_commissions_where(
    bigint, text, timestamptz, timestamptz, timestamptz, bigint, smallint, integer, text, text, text, text);
DROP FUNCTION fature_v2.decide_commissions(bigint[], smallint[], text, text, text, text);
