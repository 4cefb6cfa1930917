-- Plans, commissions and running totals.

-- The plan that holds at a moment is the one with the latest effective_from at or before it; among equals the highest version.
CREATE TABLE fature_v2.commission_plan (
    version         integer PRIMARY KEY CHECK (version > 0),
    name            text NOT NULL CHECK (name <> ''),
    effective_from  timestamptz NOT NULL,
    definition      jsonb NOT NULL,
    applied_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by      text NOT NULL
);

-- One entry of the ledger. The key says it all: the same transaction computed again gives the same ordinals, so nothing can be paid twice.
-- The entry with the negative ordinal is the reversal of the positive one. RevShare entries have the number of their settlement.
CREATE TABLE fature_v2.commissions (
    transaction_id  bigint NOT NULL,
    ordinal         smallint NOT NULL CHECK (ordinal <> 0),
    beneficiary_id  bigint NOT NULL,
    source_id       bigint NOT NULL,             -- whose transaction it was; a settlement: the beneficiary
    level_distance  smallint NOT NULL,           -- a settlement: 0
    rule            text NOT NULL CHECK (rule IN ('percentage', 'cpa', 'revshare')),
    base_amount     numeric(15,2) NOT NULL,
    rate            numeric(5,4) NOT NULL,       -- 0 for a fixed amount
    amount          numeric(15,2) NOT NULL CHECK (amount <> 0),
    currency        text NOT NULL,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'paid', 'cancelled', 'disputed')),
    plan_version    integer NOT NULL,
    batch_id        bigint,                      -- the payout batch
    operation_id    bigint,                      -- the last decision about it, in commission_operation
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (transaction_id, ordinal)
);
-- What somebody has earned, by time; the last two columns make the order of a list definite.
CREATE INDEX commissions_beneficiary_idx ON fature_v2.commissions (beneficiary_id, created_at, transaction_id, ordinal);
-- The same by status, for counts and lists of what has been decided about. Payments write pending entries only: it costs them nothing.
CREATE INDEX commissions_decided_idx ON fature_v2.commissions (beneficiary_id, status, created_at, transaction_id, ordinal)
    INCLUDE (amount) WHERE status <> 'pending';

-- Who decided what about commissions, and why; the entries concerned are in commission_status_change.
CREATE TABLE fature_v2.commission_operation (
    operation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    to_status     text NOT NULL,
    actor         text NOT NULL,
    reason        text NOT NULL CHECK (reason <> ''),
    request_id    text,
    entries_count bigint NOT NULL DEFAULT 0,
    amount        numeric(20,2) NOT NULL DEFAULT 0
);
CREATE TABLE fature_v2.commission_status_change (
    transaction_id  bigint NOT NULL,
    ordinal         smallint NOT NULL,
    operation_id    bigint NOT NULL,
    from_status     text NOT NULL,
    to_status       text NOT NULL,
    PRIMARY KEY (transaction_id, ordinal, operation_id)
);

-- Which transaction was an affiliate's first qualifying deposit: one for ever.
CREATE TABLE fature_v2.cpa_award (
    affiliate_id    bigint PRIMARY KEY,
    transaction_id  bigint NOT NULL UNIQUE
);

-- What a beneficiary has earned under a cap, by calendar month (UTC).
CREATE TABLE fature_v2.commission_cap_usage (
    beneficiary_id  bigint NOT NULL,
    month           date NOT NULL,
    amount          numeric(15,2) NOT NULL,
    PRIMARY KEY (beneficiary_id, month)
);

-- Running totals. An affiliate without a row has all zero.
CREATE TABLE fature_v2.affiliate_totals (
    affiliate_id         bigint PRIMARY KEY,
    transactions_count   bigint NOT NULL DEFAULT 0,
    deposits             numeric(20,2) NOT NULL DEFAULT 0,
    bets                 numeric(20,2) NOT NULL DEFAULT 0,
    withdrawals          numeric(20,2) NOT NULL DEFAULT 0,
    bonuses              numeric(20,2) NOT NULL DEFAULT 0,
    ggr                  numeric(20,2) NOT NULL DEFAULT 0,   -- stakes less winnings
    lifetime_volume      numeric(20,2) NOT NULL DEFAULT 0,   -- deposits and bets
    commissions_count    bigint NOT NULL DEFAULT 0,          -- entries that are not cancelled
    commissions_earned   numeric(20,2) NOT NULL DEFAULT 0,   -- their sum, reversals included
    commissions_paid     numeric(20,2) NOT NULL DEFAULT 0,
    cpa_earned           numeric(20,2) NOT NULL DEFAULT 0,
    revshare_earned      numeric(20,2) NOT NULL DEFAULT 0
);
-- Rows change all the time: room on the page keeps that out of the index.
ALTER TABLE fature_v2.affiliate_totals SET (fillfactor = 50);

-- One RevShare settlement of one beneficiary for one period.
CREATE TABLE fature_v2.revshare_settlement (
    settlement_id   bigint PRIMARY KEY DEFAULT nextval('fature_v2.transaction_id_seq'),
    beneficiary_id  bigint NOT NULL,
    period_start    date NOT NULL,
    period_end      date NOT NULL,               -- the first day after it
    ngr             numeric(20,2) NOT NULL,
    carried_in      numeric(20,2) NOT NULL,
    carried_out     numeric(20,2) NOT NULL,
    amount          numeric(15,2) NOT NULL,
    plan_version    integer NOT NULL,
    settled_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (beneficiary_id, period_start)
);

-- The legal transitions. A status that stays as it is is none.
CREATE FUNCTION fature_v2.commission_may_become(p_from text, p_to text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (p_from, p_to) IN (
    ('pending', 'approved'), ('pending', 'cancelled'), ('pending', 'disputed'),
    ('approved', 'paid'), ('approved', 'cancelled'), ('approved', 'disputed'),
    ('disputed', 'pending'), ('disputed', 'approved'), ('disputed', 'cancelled'));

-- Only legal transitions; what is paid stays as it is. In the database, so that no other program can do otherwise.
CREATE FUNCTION fature_v2.guard_commission() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'commission %-% is part of the ledger: reverse or cancel it instead of deleting it', OLD.transaction_id, OLD.ordinal
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'paid' THEN
        RAISE EXCEPTION 'commission %-% is paid and can not be changed', OLD.transaction_id, OLD.ordinal
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.transaction_id, NEW.ordinal, NEW.beneficiary_id, NEW.source_id, NEW.level_distance, NEW.rule, NEW.base_amount, NEW.rate,
            NEW.amount, NEW.currency, NEW.plan_version, NEW.created_at)
        IS DISTINCT FROM (OLD.transaction_id, OLD.ordinal, OLD.beneficiary_id, OLD.source_id, OLD.level_distance, OLD.rule,
            OLD.base_amount, OLD.rate, OLD.amount, OLD.currency, OLD.plan_version, OLD.created_at) THEN
        RAISE EXCEPTION 'commission %-% may change its status only', OLD.transaction_id, OLD.ordinal
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status <> OLD.status AND NOT fature_v2.commission_may_become(OLD.status, NEW.status) THEN
        RAISE EXCEPTION 'commission %-% is % and can not become %', OLD.transaction_id, OLD.ordinal, OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER commissions_guard BEFORE UPDATE OR DELETE ON fature_v2.commissions
    FOR EACH ROW EXECUTE FUNCTION fature_v2.guard_commission();
