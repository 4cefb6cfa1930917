import Dataset
import PostgresClient
import Store

/// A small network with the shapes that matter: one large tree, many small ones, a chain, a star, a lone root, ids at the end of the range.
package enum TestNetwork {
    package static let chainTop: Int64 = 800_000_000
    package static let chainLength: Int64 = 140
    package static let starCentre: Int64 = 900_000_000
    package static let starReferrals: Int64 = 400
    package static let loneRoot: Int64 = 700_000_000
    package static let highestRoot = Int64.max
    package static let highestReferral = Int64.max - 1

    /// Writes the network set-wise, the way an import does, and announces it.
    package static func fill(_ connection: PostgresConnection, affiliates: Int, seed: UInt64) throws {
        var rows: [(id: Int64, parent: Int64?, status: String)] = []
        try NetworkGenerator(profile: .skew, affiliates: affiliates, seed: seed).forEach {
            rows.append(($0.id.rawValue, $0.parent?.rawValue, "\($0.status.name)"))
        }
        for link in 0..<chainLength { rows.append((chainTop + link, link == 0 ? nil : chainTop + link - 1, "active")) }
        rows.append((starCentre, nil, "active"))
        for ray in 1...starReferrals { rows.append((starCentre + ray, starCentre, ray % 7 == 0 ? "banned" : "active")) }
        rows.append((loneRoot, nil, "suspended"))
        rows.append((highestRoot, nil, "active"))
        rows.append((highestReferral, highestRoot, "inactive"))
        try write(rows, connection)
    }

    private static func write(_ rows: [(id: Int64, parent: Int64?, status: String)], _ connection: PostgresConnection) throws {
        try connection.executeScript("CREATE TEMP TABLE fresh (id bigint PRIMARY KEY, parent bigint, status text)")
        _ = try connection.execute(
            "INSERT INTO fresh SELECT i, nullif(p, 0), s FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS r (i, p, s)",
            [.int8Array(rows.map(\.id)), .int8Array(rows.map { $0.parent ?? 0 }), .textArray(rows.map(\.status))])
        try connection.executeScript(
            """
            BEGIN;
            CREATE TEMP TABLE placed ON COMMIT DROP AS
            WITH RECURSIVE tree AS (
                SELECT id, parent, 1 AS level, ARRAY[id] AS path FROM fresh WHERE parent IS NULL
                UNION ALL SELECT f.id, f.parent, t.level + 1, t.path || f.id FROM fresh f JOIN tree t ON f.parent = t.id
            ) SELECT * FROM tree;
            CREATE TEMP TABLE home ON COMMIT DROP AS
            SELECT id AS root, ((row_number() OVER (ORDER BY id)) * 37 % 256)::smallint AS shard FROM fresh WHERE parent IS NULL;
            INSERT INTO fature_v2.affiliates_optimized (
                affiliate_id, parent_affiliate_id, registration_date, hierarchy_level, shard_id, status, external_id, referral_code,
                name, email, phone, document, hierarchy_path)
            SELECT p.id, p.parent,
                timestamptz '2020-01-01 00:00:00Z' + (p.id % 100000007) * interval '1 second'
                    + (CASE WHEN p.id % 3 = 0 THEN p.id % 1000000 ELSE 0 END) * interval '1 microsecond',
                p.level, h.shard, f.status, 'ext-' || p.id, CASE WHEN p.id % 5 = 0 THEN to_hex(p.id) END,
                CASE p.id % 4 WHEN 0 THEN 'João "Zé" \\ Ção' WHEN 1 THEN '王小明 😀' ELSE 'Name ' || p.id END,
                CASE WHEN p.id % 2 = 0 THEN 'm' || p.id || '@example.com' END, CASE WHEN p.id % 7 = 0 THEN '+5500' || p.id % 1000 END,
                CASE WHEN p.id % 11 = 0 THEN '000' || p.id % 1000 END, array_to_string(p.path, '.')::ltree
            FROM placed p JOIN fresh f USING (id) JOIN home h ON h.root = p.path[1];
            INSERT INTO fature_v2.hierarchy_index (ancestor_id, descendant_id, level_distance)
            SELECT u.ancestor, p.id, p.level - u.position
            FROM placed p CROSS JOIN unnest(p.path) WITH ORDINALITY AS u (ancestor, position) WHERE u.ancestor <> p.id;
            UPDATE fature_v2.affiliates_optimized a SET total_network_size = c.size, direct_referrals_count = c.directs
            FROM (
                SELECT ancestor_id, count(*) AS size, count(*) FILTER (WHERE level_distance = 1) AS directs
                FROM fature_v2.hierarchy_index GROUP BY ancestor_id
            ) AS c WHERE c.ancestor_id = a.affiliate_id;
            SELECT fature_v2.announce_bulk_load(ARRAY(SELECT generate_series(0, 255)::smallint));
            COMMIT;
            DROP TABLE fresh;
            """)
    }
}
