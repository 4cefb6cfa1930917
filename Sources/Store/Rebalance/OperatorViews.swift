import PostgresClient

/// What operators see of workers, shards and plans, as JSON that PostgreSQL writes: the same fields as the commands' `--json`.
package enum OperatorViews {
    /// The newest so many plans are listed.
    package static let plansMax = 100

    /// As `fature worker ls --json`.
    package static func workers(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> String {
        try text(workersSQL, [], connection, timeoutMilliseconds) ?? ""
    }

    /// As `fature shard ls --json`.
    package static func shards(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> String {
        try text(shardsSQL, [], connection, timeoutMilliseconds) ?? ""
    }

    /// As `fature rebalance ls --json`.
    package static func plans(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> String {
        try text(plansSQL, [.int(Int64(plansMax))], connection, timeoutMilliseconds) ?? ""
    }

    /// As `fature rebalance show --json`; nil if there is no such plan.
    package static func plan(_ number: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws
        -> String?
    {
        try text(planSQL, [.int(number)], connection, timeoutMilliseconds)
    }

    private static func text(
        _ sql: String, _ parameters: [PostgresValue], _ connection: PostgresConnection, _ timeoutMilliseconds: Int?
    ) throws -> String? {
        let result = try connection.execute(sql, parameters, timeoutMilliseconds: timeoutMilliseconds)
        return result.rowCount == 0 ? nil : try result.text(0, 0)
    }

    private static let workersSQL = """
        WITH owned AS (
            SELECT h.owner, count(*) AS shards, sum(q.affiliates_count)::bigint AS affiliates, min(h.epoch) AS first, max(h.epoch) AS last
            FROM fature_v2.shard h JOIN fature_v2.shard_sequence q ON q.shard_id = h.id WHERE h.owner IS NOT NULL GROUP BY h.owner
        ), listed AS (
            SELECT w.instance_id, coalesce(w.name, s.name) AS name, json_strip_nulls(json_build_object(
                'worker_id', coalesce(w.name, s.name), 'instance', w.instance_id, 'address', w.address, 'version', w.version,
                'capacity', w.capacity,
                'lease_milliseconds_left', floor(extract(epoch FROM w.expires_at - clock_timestamp()) * 1000)::bigint,
                'standing', coalesce(s.standing, 'open'), 'standing_reason', s.reason, 'standing_by', s.actor,
                'shards', coalesce(o.shards, 0), 'affiliates', coalesce(o.affiliates, 0), 'epoch_min', o.first, 'epoch_max', o.last)) AS worker
            FROM fature_v2.worker_lease w FULL JOIN fature_v2.worker_standing s ON s.name = w.name LEFT JOIN owned o ON o.owner = w.instance_id
        )
        SELECT json_build_object('workers', coalesce(json_agg(worker ORDER BY instance_id, name), '[]'))::text FROM listed
        """

    private static let shardsSQL = """
        SELECT json_build_object('shards', json_agg(json_strip_nulls(json_build_object(
            'shard', h.id, 'worker_id', w.name, 'instance', h.owner, 'epoch', h.epoch, 'affiliates', q.affiliates_count)) ORDER BY h.id))::text
        FROM fature_v2.shard h JOIN fature_v2.shard_sequence q ON q.shard_id = h.id LEFT JOIN fature_v2.worker_lease w ON w.instance_id = h.owner
        """

    private static let plansSQL = """
        WITH newest AS (
            SELECT p.plan_id, json_strip_nulls(json_build_object(
                'plan', p.plan_id, 'state', p.state,
                'moves', (SELECT count(*) FROM fature_v2.rebalance_move m WHERE m.plan_id = p.plan_id),
                'moves_done', (SELECT count(*) FROM fature_v2.rebalance_move m WHERE m.plan_id = p.plan_id AND m.state = 'done'),
                'weight', p.weight, 'drain', to_json(p.drained),
                'planned_at', to_char(p.planned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'planned_by', p.actor,
                'state_reason', p.state_reason)) AS plan
            FROM fature_v2.rebalance_plan p ORDER BY p.plan_id DESC LIMIT $1
        )
        SELECT json_build_object('plans', coalesce(json_agg(plan ORDER BY plan_id DESC), '[]'))::text FROM newest
        """

    private static let planSQL = """
        SELECT (p.document || jsonb_strip_nulls(jsonb_build_object(
            'plan', p.plan_id, 'state', p.state, 'state_reason', coalesce(p.state_reason, p.waits_because),
            'moves', coalesce((
                SELECT jsonb_agg(
                    d.move || jsonb_strip_nulls(jsonb_build_object('state', m.state, 'failure', m.failure)) ORDER BY m.position)
                FROM jsonb_array_elements(p.document -> 'moves') AS d (move)
                JOIN fature_v2.rebalance_move m ON m.plan_id = p.plan_id AND m.position = (d.move ->> 'position')::integer
            ), '[]'))))::text
        FROM fature_v2.rebalance_plan p WHERE p.plan_id = $1
        """
}
