-- Two more figures of a worker's queue.
ALTER TABLE fature_v2.queue_figures
    ADD COLUMN broken    integer NOT NULL DEFAULT 0,   -- shards whose keys in Redis hold what is not ours
    ADD COLUMN postponed bigint NOT NULL DEFAULT 0;
