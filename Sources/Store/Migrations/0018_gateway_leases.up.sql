-- Gateways: who runs, where, and how fast it answers. A gateway holds nothing, so nothing is freed when its lease ends: docs/design/ownership.md.
-- All times are the server's clock_timestamp().

CREATE TABLE fature_v2.gateway_lease (
    instance_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                 text NOT NULL CHECK (name <> ''),
    address              text NOT NULL CHECK (address <> ''),   -- host:port where callers reach it
    version              text NOT NULL,
    started_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at           timestamptz NOT NULL,
    -- What it last reported, of its last ten seconds or so; null: it answered nothing in them.
    p99_microseconds     bigint CHECK (p99_microseconds >= 0),
    requests_per_second  bigint NOT NULL DEFAULT 0 CHECK (requests_per_second >= 0),
    parked_requests      bigint NOT NULL DEFAULT 0 CHECK (parked_requests >= 0)   -- now
)
-- Renewed twice a second: room for its new versions on the same page.
WITH (fillfactor = 20);

-- Deletes gateways whose lease ran out so long ago. Rows that somebody else is at are left to the next one.
CREATE FUNCTION fature_v2.prune_gateways(p_milliseconds bigint) RETURNS void
LANGUAGE sql
SET search_path = fature_v2, public, pg_temp
AS $$
    DELETE FROM gateway_lease WHERE instance_id IN (
        SELECT instance_id FROM gateway_lease
        WHERE expires_at <= clock_timestamp() - p_milliseconds * interval '1 millisecond'
        FOR UPDATE SKIP LOCKED)
$$;

-- Enters a gateway, and answers its number.
CREATE FUNCTION fature_v2.register_gateway(p_name text, p_address text, p_version text, p_lease_milliseconds bigint, p_kept_milliseconds bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
DECLARE
    instance bigint;
BEGIN
    PERFORM prune_gateways(p_kept_milliseconds);
    INSERT INTO gateway_lease (name, address, version, expires_at)
    VALUES (p_name, p_address, p_version, clock_timestamp() + p_lease_milliseconds * interval '1 millisecond')
    RETURNING instance_id INTO instance;
    RETURN instance;
END
$$;

-- Renews a lease, also one that ran out, and takes the gateway's report. False when the row is gone: it must register anew.
CREATE FUNCTION fature_v2.renew_gateway(
    p_instance bigint, p_lease_milliseconds bigint, p_p99_microseconds bigint, p_requests_per_second bigint, p_parked_requests bigint,
    p_kept_milliseconds bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    UPDATE gateway_lease SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + p_lease_milliseconds * interval '1 millisecond',
        p99_microseconds = p_p99_microseconds, requests_per_second = p_requests_per_second, parked_requests = p_parked_requests
    WHERE instance_id = p_instance;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM prune_gateways(p_kept_milliseconds);
    RETURN true;
END
$$;

-- A gateway leaves of its own accord. False when its row was gone.
CREATE FUNCTION fature_v2.release_gateway(p_instance bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = fature_v2, public, pg_temp
AS $$
BEGIN
    DELETE FROM gateway_lease WHERE instance_id = p_instance;
    RETURN FOUND;
END
$$;
