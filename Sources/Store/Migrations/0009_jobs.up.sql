-- What a person decides about queues, and the jobs that failed for good. Redis holds neither: it may be lost.

-- A queue is the name of a job kind; a row pauses all of it, or one shard of it.
CREATE TABLE fature_v2.queue_pause (
    queue      text NOT NULL CHECK (queue <> ''),
    shard_id   smallint NOT NULL CHECK (shard_id BETWEEN -1 AND 255),   -- -1: every shard
    actor      text NOT NULL,
    reason     text NOT NULL,
    paused_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (queue, shard_id)
);

CREATE TABLE fature_v2.dead_letter (
    dead_letter_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue           text NOT NULL,
    job_id          text NOT NULL,
    shard_id        smallint NOT NULL,
    payload         bytea NOT NULL,
    cause           text NOT NULL,            -- one of a closed list of words, to group by
    error           text NOT NULL,
    failures        integer NOT NULL,
    crashes         integer NOT NULL,
    enqueued_at     timestamptz NOT NULL,
    dead_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    state           text NOT NULL DEFAULT 'dead' CHECK (state IN ('dead', 'replayed', 'discarded')),
    decided_at      timestamptz,
    decided_by      text,
    decided_reason  text
);
-- At most one open dead letter a job.
CREATE UNIQUE INDEX dead_letter_open_idx ON fature_v2.dead_letter (queue, job_id) WHERE state = 'dead';
CREATE INDEX dead_letter_cause_idx ON fature_v2.dead_letter (queue, cause) WHERE state = 'dead';

-- What each worker last said about its queues: gateways show it in /metrics and /health, `fature queue ls` to people. Counters begin at 0
-- with each boot of a worker.
CREATE TABLE fature_v2.queue_figures (
    instance_id           bigint NOT NULL,
    queue                 text NOT NULL,
    worker                text NOT NULL,
    at                    timestamptz NOT NULL,
    shards                integer NOT NULL,
    waiting               bigint NOT NULL,
    in_hand               bigint NOT NULL,
    delayed               bigint NOT NULL,
    oldest_milliseconds   bigint NOT NULL,      -- age of the oldest job in the stream
    taken                 bigint NOT NULL,
    done                  bigint NOT NULL,
    failed                bigint NOT NULL,
    retried               bigint NOT NULL,
    dead                  bigint NOT NULL,
    crashed               bigint NOT NULL,
    released              bigint NOT NULL,
    batches               bigint NOT NULL,
    commit_microseconds   bigint NOT NULL,      -- of all batches together
    PRIMARY KEY (instance_id, queue)
);
