DROP FUNCTION fature_v2.make_audit_partitions(integer);
DROP TABLE fature_v2.audit_log;
