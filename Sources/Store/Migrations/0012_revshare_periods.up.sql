-- RevShare is settled period by period. A period is gathered once, in one snapshot; its beneficiaries are settled from these sums after it,
-- some in each transaction, so that an interrupted settlement goes on with the same figures.

CREATE TABLE fature_v2.revshare_period (
    period_start         timestamptz PRIMARY KEY,
    period_end           timestamptz NOT NULL,       -- the first moment after it
    cadence              text NOT NULL CHECK (cadence IN ('monthly', 'weekly')),
    plan_version         integer NOT NULL,           -- whose terms settle it
    is_compressing       boolean NOT NULL,           -- how its uplines are read, now and when it is looked at again
    levels_count         smallint NOT NULL CHECK (levels_count > 0),
    -- The period whose losses are carried in; null for the first.
    previous_start       timestamptz,
    transactions_count   bigint NOT NULL DEFAULT 0,  -- of the period itself, when it was gathered
    gathered_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at           timestamptz,                -- null: some beneficiaries may not be settled yet
    beneficiaries_count  bigint NOT NULL DEFAULT 0,
    entries_count        bigint NOT NULL DEFAULT 0,
    amount               numeric(20,2) NOT NULL DEFAULT 0,
    CHECK (period_end > period_start),
    EXCLUDE USING gist (tstzrange(period_start, period_end) WITH &&)
);

-- What a period was settled from. dated_in is the period of the transactions' dates: its own, or an earlier one in which something has
-- changed since it was settled. The rows of all periods for one dated_in add up to what counts of it.
CREATE TABLE fature_v2.revshare_sum (
    period_start    timestamptz NOT NULL,
    beneficiary_id  bigint NOT NULL,
    plan_level      smallint NOT NULL CHECK (plan_level > 0),
    dated_in        timestamptz NOT NULL,
    ggr             numeric(20,2) NOT NULL,
    deposits        numeric(20,2) NOT NULL,
    bonuses         numeric(20,2) NOT NULL,
    PRIMARY KEY (period_start, beneficiary_id, plan_level, dated_in)
);
CREATE INDEX revshare_sum_dated_in_idx ON fature_v2.revshare_sum (dated_in);

-- A change of the plan can end a period and begin the next one at any moment. Nothing has been settled before this.
ALTER TABLE fature_v2.revshare_settlement
    ALTER COLUMN period_start TYPE timestamptz USING period_start::timestamp AT TIME ZONE 'UTC',
    ALTER COLUMN period_end TYPE timestamptz USING period_end::timestamp AT TIME ZONE 'UTC';
CREATE INDEX revshare_settlement_period_idx ON fature_v2.revshare_settlement (period_start, beneficiary_id);
