-- The network itself: every affiliate, the closure of the hierarchy, and the ordered changes of each shard.

CREATE TABLE fature_v2.affiliates_optimized (
    affiliate_id            bigint PRIMARY KEY CHECK (affiliate_id > 0),
    parent_affiliate_id     bigint CHECK (parent_affiliate_id > 0 AND parent_affiliate_id <> affiliate_id),
    registration_date       timestamptz NOT NULL DEFAULT now(),
    total_network_size      bigint NOT NULL DEFAULT 0 CHECK (total_network_size >= 0),
    direct_referrals_count  integer NOT NULL DEFAULT 0 CHECK (direct_referrals_count >= 0),
    -- A root has level 1. The limit is hierarchyLevelMax: the closure of a chain grows with its square.
    hierarchy_level         integer NOT NULL CHECK (hierarchy_level BETWEEN 1 AND 1000),
    shard_id                smallint NOT NULL CHECK (shard_id BETWEEN 0 AND 255),
    status                  text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended', 'banned')),
    category                text NOT NULL DEFAULT 'standard' CHECK (category <> ''),
    external_id             text NOT NULL CHECK (external_id <> ''),
    referral_code           varchar(20) CHECK (referral_code <> ''),
    name                    text NOT NULL,
    email                   text,
    phone                   text,
    document                text,
    -- The ids from the root to this affiliate, itself included. Not indexed: hierarchy_index answers by ancestor.
    hierarchy_path          ltree NOT NULL,
    CONSTRAINT affiliates_optimized_external_id_key UNIQUE (external_id),
    CONSTRAINT affiliates_optimized_referral_code_key UNIQUE (referral_code)
);
-- A join updates the counters of every ancestor: room on the page keeps those updates out of the indexes.
ALTER TABLE fature_v2.affiliates_optimized SET (fillfactor = 90);
CREATE INDEX affiliates_optimized_shard_id_idx ON fature_v2.affiliates_optimized (shard_id);
CREATE INDEX affiliates_optimized_parent_affiliate_id_idx ON fature_v2.affiliates_optimized (parent_affiliate_id);

-- The numbers for affiliates that join without one: see next_affiliate_id.
CREATE SEQUENCE fature_v2.affiliate_id_seq AS bigint MAXVALUE 9007199254740991 OWNED BY fature_v2.affiliates_optimized.affiliate_id;

-- One row for each pair of an affiliate and somebody of its downline. The ancestors of an affiliate stand in its path, so
-- no index by descendant is needed.
CREATE TABLE fature_v2.hierarchy_index (
    ancestor_id     bigint NOT NULL,
    descendant_id   bigint NOT NULL,
    level_distance  integer NOT NULL CHECK (level_distance > 0),
    PRIMARY KEY (ancestor_id, descendant_id),
    CONSTRAINT hierarchy_index_no_self_pair CHECK (ancestor_id <> descendant_id)
);

-- What happened to a shard's hierarchy, numbered 1, 2, 3, … without gaps, in commit order. A row says what changed;
-- the rows that joined or moved in are read from affiliates_optimized.
CREATE TABLE fature_v2.hierarchy_change (
    shard_id                 smallint NOT NULL CHECK (shard_id BETWEEN 0 AND 255),
    seq                      bigint NOT NULL CHECK (seq > 0),
    kind                     text NOT NULL
        CHECK (kind IN ('joined', 'status_changed', 'moved', 'moved_out', 'moved_in', 'reloaded')),
    affiliate_id             bigint,                -- null only for 'reloaded': load the whole shard again
    parent_affiliate_id      bigint,                -- the sponsor after the change, null for a root
    old_parent_affiliate_id  bigint,                -- moves: the sponsor before it
    status                   text,                  -- 'joined', 'status_changed': the status after the change
    other_shard_id           smallint,              -- 'moved_out': to where; 'moved_in': from where
    affiliates_moved         bigint,                -- moves: the affiliate and its whole downline
    at                       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (shard_id, seq),
    CONSTRAINT hierarchy_change_names_an_affiliate CHECK ((affiliate_id IS NULL) = (kind = 'reloaded'))
);
