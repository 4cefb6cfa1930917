-- The three writes to the hierarchy, each one round trip, to be called in READ COMMITTED. Each of them, in this order:
--   1. takes the fence: a FOR SHARE on the shard's row, which must name this owner and this epoch;
--   2. locks shard_sequence of every shard it changes, in ascending order: from here on nobody else writes their rows;
--   3. checks everything against what is committed now;
--   4. writes rows, closure, the counters of all ancestors, the change rows, the audit row.
-- A refusal is an outcome, not an error. Several calls in one transaction must name one and the same shard.

CREATE TYPE fature_v2.hierarchy_write AS (
    outcome                  text,
    affiliate_id             bigint,    -- the one written; for a duplicate: the one who has it already
    shard_id                 smallint,  -- where the affiliate is now; 'elsewhere', 'parent_elsewhere': where it was found
    seq                      bigint,    -- of the change in the shard that was fenced
    target_seq               bigint,    -- of the change in the other shard, when a move crossed shards
    affiliates_moved         bigint,
    old_parent_affiliate_id  bigint,
    hierarchy_level          integer,
    old_status               text
);

-- The ids from the root to the affiliate whose path this is.
CREATE FUNCTION fature_v2.path_ids(path ltree) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT string_to_array(ltree2text(path), '.')::bigint[] $$;

-- A number above that of every affiliate there is, below 2^53 (the sequence's MAXVALUE), which JSON readers hold exactly. Chosen
-- numbers from 2^52 on do not count, so that no single one can use up the numbers: at least 2^52 are always left above the others.
CREATE FUNCTION fature_v2.next_affiliate_id() RETURNS bigint
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    highest bigint;
    candidate bigint;
BEGIN
    SELECT max(affiliate_id) INTO highest FROM affiliates_optimized WHERE affiliate_id < 4503599627370496;
    candidate := nextval('affiliate_id_seq');
    IF candidate <= highest THEN
        -- Somebody brought numbers of their own, above the sequence. One at a time lifts it over them.
        PERFORM pg_advisory_xact_lock(hashtextextended('fature_v2.next_affiliate_id', 0));
        candidate := nextval('affiliate_id_seq');
        IF candidate <= highest THEN
            PERFORM setval('affiliate_id_seq', highest);
            candidate := nextval('affiliate_id_seq');
        END IF;
    END IF;
    RETURN candidate;
END
$$;

-- Whether this worker may write to this shard, held until the transaction ends.
CREATE FUNCTION fature_v2.take_fence(p_shard smallint, p_owner bigint, p_epoch bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM shard WHERE id = p_shard AND owner = p_owner AND epoch = p_epoch FOR SHARE;
    RETURN FOUND;
END
$$;

-- Outcomes: joined, fenced, unknown_parent, parent_elsewhere, too_deep,
-- duplicate_affiliate_id, duplicate_external_id, duplicate_referral_code.
CREATE FUNCTION fature_v2.join_affiliate(
    p_shard smallint, p_owner bigint, p_epoch bigint,
    p_parent bigint,            -- the sponsor, or null for a root
    p_affiliate_id bigint,      -- or null: the next free number
    p_external_id text, p_referral_code text, p_name text, p_email text, p_phone text, p_document text, p_category text,
    p_status text, p_registration_date timestamptz, p_actor text, p_request_id text
) RETURNS fature_v2.hierarchy_write
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    result hierarchy_write;
    sponsor record;
    upline bigint[] := '{}';
    path ltree;
    wanted bigint := p_affiliate_id;
    written bigint;
BEGIN
    IF NOT take_fence(p_shard, p_owner, p_epoch) THEN
        result.outcome := 'fenced';
        RETURN result;
    END IF;
    PERFORM 1 FROM shard_sequence s WHERE s.shard_id = p_shard FOR UPDATE;

    result.hierarchy_level := 1;
    IF p_parent IS NOT NULL THEN
        SELECT a.shard_id, a.hierarchy_level, a.hierarchy_path INTO sponsor
        FROM affiliates_optimized a WHERE a.affiliate_id = p_parent;
        IF NOT FOUND THEN
            result.outcome := 'unknown_parent';
            RETURN result;
        END IF;
        IF sponsor.shard_id <> p_shard THEN
            result.outcome := 'parent_elsewhere';
            result.shard_id := sponsor.shard_id;
            RETURN result;
        END IF;
        IF sponsor.hierarchy_level >= 1000 THEN
            result.outcome := 'too_deep';
            RETURN result;
        END IF;
        result.hierarchy_level := sponsor.hierarchy_level + 1;
        upline := path_ids(sponsor.hierarchy_path);
    END IF;

    FOR attempt IN 1..10 LOOP
        IF p_affiliate_id IS NULL THEN
            wanted := next_affiliate_id();
        END IF;
        path := text2ltree(wanted::text);
        IF p_parent IS NOT NULL THEN
            path := sponsor.hierarchy_path || path;
        END IF;
        INSERT INTO affiliates_optimized (
            affiliate_id, parent_affiliate_id, registration_date, hierarchy_level, shard_id, status, category,
            external_id, referral_code, name, email, phone, document, hierarchy_path)
        VALUES (
            wanted, p_parent, p_registration_date, result.hierarchy_level, p_shard, p_status, p_category,
            p_external_id, p_referral_code, p_name, p_email, p_phone, p_document, path)
        ON CONFLICT DO NOTHING
        RETURNING affiliate_id INTO written;
        EXIT WHEN written IS NOT NULL;

        -- What stood in the way is committed: the insert waited for it.
        SELECT a.affiliate_id, a.shard_id INTO result.affiliate_id, result.shard_id
        FROM affiliates_optimized a WHERE a.external_id = p_external_id;
        IF FOUND THEN
            result.outcome := 'duplicate_external_id';
            RETURN result;
        END IF;
        SELECT a.affiliate_id, a.shard_id INTO result.affiliate_id, result.shard_id
        FROM affiliates_optimized a WHERE a.referral_code = p_referral_code;
        IF FOUND THEN
            result.outcome := 'duplicate_referral_code';
            RETURN result;
        END IF;
        SELECT a.affiliate_id, a.shard_id INTO result.affiliate_id, result.shard_id
        FROM affiliates_optimized a WHERE a.affiliate_id = p_affiliate_id;
        IF FOUND THEN
            result.outcome := 'duplicate_affiliate_id';
            RETURN result;
        END IF;
        -- A number from the sequence was taken by somebody who chose it, or the duplicate has gone again: another try.
    END LOOP;
    IF written IS NULL THEN
        RAISE EXCEPTION 'no free affiliate id after 10 tries, the last was %', wanted USING ERRCODE = 'serialization_failure';
    END IF;

    IF p_parent IS NOT NULL THEN
        INSERT INTO hierarchy_index (ancestor_id, descendant_id, level_distance)
        SELECT ancestor, written, result.hierarchy_level - position
        FROM unnest(upline) WITH ORDINALITY AS u (ancestor, position);
        UPDATE affiliates_optimized a
        SET total_network_size = a.total_network_size + 1,
            direct_referrals_count = a.direct_referrals_count + (a.affiliate_id = p_parent)::integer
        WHERE a.affiliate_id = ANY (upline);
    END IF;

    UPDATE shard_sequence s SET last_seq = s.last_seq + 1, affiliates_count = s.affiliates_count + 1
    WHERE s.shard_id = p_shard RETURNING s.last_seq INTO result.seq;
    INSERT INTO hierarchy_change (shard_id, seq, kind, affiliate_id, parent_affiliate_id, status)
    VALUES (p_shard, result.seq, 'joined', written, p_parent, p_status);
    INSERT INTO audit_log (table_name, record_id, operation, new_values, actor, request_id)
    VALUES (
        'affiliates_optimized', written::text, 'insert',
        jsonb_build_object(
            'parent_affiliate_id', p_parent, 'external_id', p_external_id, 'referral_code', p_referral_code, 'name', p_name,
            'category', p_category, 'status', p_status, 'registration_date', p_registration_date, 'shard_id', p_shard),
        p_actor, p_request_id);

    result.outcome := 'joined';
    result.affiliate_id := written;
    result.shard_id := p_shard;
    RETURN result;
END
$$;

-- Outcomes: changed, fenced, unknown_affiliate, elsewhere, unchanged.
CREATE FUNCTION fature_v2.set_affiliate_status(
    p_shard smallint, p_owner bigint, p_epoch bigint, p_affiliate_id bigint, p_status text, p_reason text,
    p_actor text, p_request_id text
) RETURNS fature_v2.hierarchy_write
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    result hierarchy_write;
    found_parent bigint;
BEGIN
    result.affiliate_id := p_affiliate_id;
    IF NOT take_fence(p_shard, p_owner, p_epoch) THEN
        result.outcome := 'fenced';
        RETURN result;
    END IF;
    PERFORM 1 FROM shard_sequence s WHERE s.shard_id = p_shard FOR UPDATE;

    SELECT a.shard_id, a.status, a.hierarchy_level, a.parent_affiliate_id
    INTO result.shard_id, result.old_status, result.hierarchy_level, found_parent
    FROM affiliates_optimized a WHERE a.affiliate_id = p_affiliate_id;
    IF NOT FOUND THEN
        result.outcome := 'unknown_affiliate';
        RETURN result;
    END IF;
    IF result.shard_id <> p_shard THEN
        result.outcome := 'elsewhere';
        RETURN result;
    END IF;
    IF result.old_status = p_status THEN
        result.outcome := 'unchanged';
        RETURN result;
    END IF;

    UPDATE affiliates_optimized a SET status = p_status WHERE a.affiliate_id = p_affiliate_id;
    UPDATE shard_sequence s SET last_seq = s.last_seq + 1 WHERE s.shard_id = p_shard RETURNING s.last_seq INTO result.seq;
    INSERT INTO hierarchy_change (shard_id, seq, kind, affiliate_id, parent_affiliate_id, status)
    VALUES (p_shard, result.seq, 'status_changed', p_affiliate_id, found_parent, p_status);
    INSERT INTO audit_log (table_name, record_id, operation, old_values, new_values, actor, request_id)
    VALUES (
        'affiliates_optimized', p_affiliate_id::text, 'update',
        jsonb_build_object('status', result.old_status), jsonb_build_object('status', p_status, 'reason', p_reason),
        p_actor, p_request_id);
    result.outcome := 'changed';
    RETURN result;
END
$$;

-- Moves an affiliate with its whole downline under another sponsor, or makes it a root where it stands (p_new_parent null).
-- The new sponsor may be in another shard; the subtree follows it there.
-- Outcomes: moved, fenced, unknown_affiliate, elsewhere, unknown_parent, cycle, too_deep, unchanged.
CREATE FUNCTION fature_v2.move_affiliate(
    p_shard smallint, p_owner bigint, p_epoch bigint, p_affiliate_id bigint, p_new_parent bigint, p_reason text,
    p_actor text, p_request_id text
) RETURNS fature_v2.hierarchy_write
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
-- A subtree is one affiliate or half the network: a plan made for the average is wrong for both.
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    result hierarchy_write;
    moving record;
    sponsor record;
    target smallint := p_shard;
    old_upline bigint[];
    new_upline bigint[] := '{}';
    new_prefix ltree := '';
    level_change integer;
BEGIN
    result.affiliate_id := p_affiliate_id;
    IF NOT take_fence(p_shard, p_owner, p_epoch) THEN
        result.outcome := 'fenced';
        RETURN result;
    END IF;

    -- Which shards to lock depends on where the sponsor is, which is certain only under those locks. Should it have moved
    -- in between, the locks are given back (the block is a subtransaction) and taken anew: never out of order.
    FOR attempt IN 1..10 LOOP
        IF p_new_parent IS NOT NULL THEN
            SELECT a.shard_id INTO target FROM affiliates_optimized a WHERE a.affiliate_id = p_new_parent;
            IF NOT FOUND THEN
                PERFORM 1 FROM shard_sequence s WHERE s.shard_id = p_shard FOR UPDATE;
                SELECT a.shard_id INTO result.shard_id FROM affiliates_optimized a WHERE a.affiliate_id = p_affiliate_id;
                result.outcome := CASE
                    WHEN NOT FOUND THEN 'unknown_affiliate'
                    WHEN result.shard_id <> p_shard THEN 'elsewhere'
                    ELSE 'unknown_parent'
                END;
                RETURN result;
            END IF;
        END IF;
        BEGIN
            PERFORM 1 FROM shard_sequence s WHERE s.shard_id IN (p_shard, target) ORDER BY s.shard_id FOR UPDATE;
            IF p_new_parent IS NULL THEN
                EXIT;
            END IF;
            SELECT a.shard_id, a.hierarchy_level, a.hierarchy_path INTO sponsor
            FROM affiliates_optimized a WHERE a.affiliate_id = p_new_parent;
            IF sponsor.shard_id = target THEN
                EXIT;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'FA001';
        EXCEPTION WHEN SQLSTATE 'FA001' THEN
            IF attempt = 10 THEN
                RAISE EXCEPTION 'the new sponsor % changed its shard 10 times while a move waited for it', p_new_parent
                    USING ERRCODE = 'serialization_failure';
            END IF;
        END;
    END LOOP;

    SELECT a.shard_id, a.parent_affiliate_id, a.hierarchy_level, a.hierarchy_path, a.total_network_size INTO moving
    FROM affiliates_optimized a WHERE a.affiliate_id = p_affiliate_id;
    IF NOT FOUND THEN
        result.outcome := 'unknown_affiliate';
        RETURN result;
    END IF;
    result.shard_id := moving.shard_id;
    result.old_parent_affiliate_id := moving.parent_affiliate_id;
    result.hierarchy_level := moving.hierarchy_level;
    IF moving.shard_id <> p_shard THEN
        result.outcome := 'elsewhere';
        RETURN result;
    END IF;
    IF moving.parent_affiliate_id IS NOT DISTINCT FROM p_new_parent THEN
        result.outcome := 'unchanged';
        RETURN result;
    END IF;
    IF p_new_parent IS NOT NULL THEN
        new_upline := path_ids(sponsor.hierarchy_path);
        new_prefix := sponsor.hierarchy_path;
        IF p_affiliate_id = ANY (new_upline) THEN
            result.outcome := 'cycle';
            RETURN result;
        END IF;
    END IF;
    level_change := cardinality(new_upline) + 1 - moving.hierarchy_level;
    IF level_change > 0 AND moving.hierarchy_level + level_change + coalesce(
        (SELECT max(h.level_distance) FROM hierarchy_index h WHERE h.ancestor_id = p_affiliate_id), 0) > 1000 THEN
        result.outcome := 'too_deep';
        RETURN result;
    END IF;
    old_upline := trim_array(path_ids(moving.hierarchy_path), 1);
    result.affiliates_moved := moving.total_network_size + 1;

    -- The closure: what joined the subtree to its old upline goes, what joins it to the new one comes.
    IF cardinality(old_upline) > 0 THEN
        DELETE FROM hierarchy_index h
        USING (
            SELECT s.descendant_id FROM hierarchy_index s WHERE s.ancestor_id = p_affiliate_id UNION ALL SELECT p_affiliate_id
        ) AS subtree
        WHERE h.ancestor_id = ANY (old_upline) AND h.descendant_id = subtree.descendant_id;
    END IF;
    IF cardinality(new_upline) > 0 THEN
        INSERT INTO hierarchy_index (ancestor_id, descendant_id, level_distance)
        SELECT u.ancestor, subtree.descendant_id, subtree.level_distance + cardinality(new_upline) + 1 - u.position
        FROM (
            SELECT s.descendant_id, s.level_distance FROM hierarchy_index s WHERE s.ancestor_id = p_affiliate_id
            UNION ALL SELECT p_affiliate_id, 0
        ) AS subtree
        CROSS JOIN unnest(new_upline) WITH ORDINALITY AS u (ancestor, position);
    END IF;

    UPDATE affiliates_optimized a
    SET shard_id = target,
        hierarchy_level = a.hierarchy_level + level_change,
        hierarchy_path = new_prefix || subpath(a.hierarchy_path, moving.hierarchy_level - 1),
        parent_affiliate_id = CASE WHEN a.affiliate_id = p_affiliate_id THEN p_new_parent ELSE a.parent_affiliate_id END
    FROM (
        SELECT s.descendant_id FROM hierarchy_index s WHERE s.ancestor_id = p_affiliate_id UNION ALL SELECT p_affiliate_id
    ) AS subtree
    WHERE a.affiliate_id = subtree.descendant_id;

    -- Ancestors on both sides keep their size; only the two sponsors gain or lose a direct referral.
    UPDATE affiliates_optimized a
    SET total_network_size = a.total_network_size + result.affiliates_moved * delta.sides,
        direct_referrals_count = a.direct_referrals_count + delta.directs
    FROM (
        SELECT u.ancestor, sum(u.side) AS sides, sum(CASE WHEN u.is_sponsor THEN u.side ELSE 0 END) AS directs
        FROM (
            SELECT ancestor, 1 AS side, ancestor = p_new_parent AS is_sponsor FROM unnest(new_upline) AS ancestor
            UNION ALL
            SELECT ancestor, -1, ancestor = moving.parent_affiliate_id FROM unnest(old_upline) AS ancestor
        ) AS u
        GROUP BY u.ancestor
    ) AS delta
    WHERE a.affiliate_id = delta.ancestor AND (delta.sides <> 0 OR delta.directs <> 0);

    UPDATE shard_sequence s
    SET last_seq = s.last_seq + 1,
        affiliates_count = s.affiliates_count - CASE WHEN target = p_shard THEN 0 ELSE result.affiliates_moved END
    WHERE s.shard_id = p_shard RETURNING s.last_seq INTO result.seq;
    INSERT INTO hierarchy_change (
        shard_id, seq, kind, affiliate_id, parent_affiliate_id, old_parent_affiliate_id, other_shard_id, affiliates_moved)
    VALUES (
        p_shard, result.seq, CASE WHEN target = p_shard THEN 'moved' ELSE 'moved_out' END, p_affiliate_id, p_new_parent,
        moving.parent_affiliate_id, nullif(target, p_shard), result.affiliates_moved);
    IF target <> p_shard THEN
        UPDATE shard_sequence s
        SET last_seq = s.last_seq + 1, affiliates_count = s.affiliates_count + result.affiliates_moved
        WHERE s.shard_id = target RETURNING s.last_seq INTO result.target_seq;
        INSERT INTO hierarchy_change (
            shard_id, seq, kind, affiliate_id, parent_affiliate_id, old_parent_affiliate_id, other_shard_id, affiliates_moved)
        VALUES (
            target, result.target_seq, 'moved_in', p_affiliate_id, p_new_parent, moving.parent_affiliate_id, p_shard,
            result.affiliates_moved);
    END IF;
    INSERT INTO audit_log (table_name, record_id, operation, old_values, new_values, actor, request_id)
    VALUES (
        'affiliates_optimized', p_affiliate_id::text, 'update',
        jsonb_build_object('parent_affiliate_id', moving.parent_affiliate_id, 'shard_id', p_shard),
        jsonb_build_object(
            'parent_affiliate_id', p_new_parent, 'shard_id', target, 'affiliates_moved', result.affiliates_moved,
            'reason', p_reason),
        p_actor, p_request_id);

    result.outcome := 'moved';
    result.shard_id := target;
    result.hierarchy_level := moving.hierarchy_level + level_change;
    RETURN result;
END
$$;

-- To be called at the end of a transaction that wrote affiliates in bulk: counts the affiliates of these shards anew, and tells
-- everyone who follows them to load them again. Answers how many affiliates the shards hold.
CREATE FUNCTION fature_v2.announce_bulk_load(p_shards smallint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    held bigint;
BEGIN
    PERFORM 1 FROM shard_sequence s WHERE s.shard_id = ANY (p_shards) ORDER BY s.shard_id FOR UPDATE;
    WITH counted AS (
        SELECT s.shard_id, count(a.affiliate_id) AS affiliates
        FROM shard_sequence s LEFT JOIN affiliates_optimized a ON a.shard_id = s.shard_id
        WHERE s.shard_id = ANY (p_shards) GROUP BY s.shard_id
    ), advanced AS (
        UPDATE shard_sequence s SET last_seq = s.last_seq + 1, affiliates_count = counted.affiliates
        FROM counted WHERE s.shard_id = counted.shard_id
        RETURNING s.shard_id, s.last_seq, s.affiliates_count
    ), told AS (
        INSERT INTO hierarchy_change (shard_id, seq, kind) SELECT shard_id, last_seq, 'reloaded' FROM advanced
    )
    SELECT coalesce(sum(affiliates_count), 0) INTO held FROM advanced;
    RETURN held;
END
$$;
