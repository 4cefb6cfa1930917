-- Imports of affiliates in bulk: how far each came, what it has read so far, and the rows it refused.

CREATE TABLE fature_v2.import_run (
    run_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source           text NOT NULL,                 -- what is read; another source never goes on with this run
    state            text NOT NULL CHECK (state IN ('reading', 'read', 'published', 'refused', 'abandoned')),
    position         bigint NOT NULL,               -- bytes of the file, or the last id of the table, that are staged
    line             bigint NOT NULL,               -- of the file, at that position
    batches          bigint NOT NULL DEFAULT 0,
    rows_read        bigint NOT NULL DEFAULT 0,
    rows_staged      bigint NOT NULL DEFAULT 0,
    rows_published   bigint,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rows that are read and not yet published. Unlogged: after a crash of the server it is empty, which the next run notices by
-- rows_staged and reads again; until then nothing of it is worth a write to the log.
CREATE UNLOGGED TABLE fature_v2.import_staging (
    line                 bigint NOT NULL,           -- of the file, or the id where the source is a table
    affiliate_id         bigint NOT NULL,
    parent_affiliate_id  bigint,
    registration_date    timestamptz NOT NULL,
    status               text NOT NULL,
    category             text NOT NULL,
    external_id          text NOT NULL,
    referral_code        text,
    name                 text NOT NULL,
    email                text,
    phone                text,
    document             text
);

CREATE TABLE fature_v2.import_reject (
    run_id        bigint NOT NULL REFERENCES fature_v2.import_run ON DELETE CASCADE,
    line          bigint NOT NULL,
    affiliate_id  bigint,                           -- null: the row's id could not be read
    reason        text NOT NULL,
    detail        text NOT NULL
);
CREATE INDEX import_reject_run_idx ON fature_v2.import_reject (run_id, affiliate_id);
