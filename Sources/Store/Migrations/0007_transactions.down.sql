DROP FUNCTION fature_v2.make_transaction_partitions(integer);
DROP TABLE fature_v2.transaction_reversal;
DROP TABLE fature_v2.transaction_key;
DROP TABLE fature_v2.transactions;
DROP SEQUENCE fature_v2.transaction_id_seq;
DROP TABLE fature_v2.programme;
