DROP FUNCTION fature_v2.reverse_transaction(bigint, text, text, text);
DROP FUNCTION fature_v2.adopt_transactions(integer);
