DROP FUNCTION fature_v2.release_worker(bigint);
DROP FUNCTION fature_v2.release_dead_workers(bigint);
DROP FUNCTION fature_v2.free_shards(bigint[]);
DROP FUNCTION fature_v2.assign_shards(bigint, smallint[], bigint[]);
DROP FUNCTION fature_v2.bump_topology();
DROP TABLE fature_v2.topology;
DROP TABLE fature_v2.coordinator_lease;
DROP TABLE fature_v2.worker_lease;
