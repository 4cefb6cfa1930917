import PostgresClient

/// What the derived columns and the closure must be, computed from the parent links alone by recursive queries.
package enum HierarchyOracle {
    private static let tree = """
        WITH RECURSIVE tree AS (
            SELECT affiliate_id, shard_id, 1 AS level, affiliate_id::text AS path
            FROM fature_v2.affiliates_optimized WHERE parent_affiliate_id IS NULL
            UNION ALL
            SELECT a.affiliate_id, tree.shard_id, tree.level + 1, tree.path || '.' || a.affiliate_id
            FROM fature_v2.affiliates_optimized a JOIN tree ON a.parent_affiliate_id = tree.affiliate_id
        ), pair AS (
            SELECT parent_affiliate_id AS ancestor, affiliate_id AS descendant, 1 AS distance
            FROM fature_v2.affiliates_optimized WHERE parent_affiliate_id IS NOT NULL
            UNION ALL
            SELECT a.parent_affiliate_id, pair.descendant, pair.distance + 1
            FROM pair JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = pair.ancestor
            WHERE a.parent_affiliate_id IS NOT NULL
        )
        """

    /// Each promise that is broken, with the number of rows that break it; empty when all is well.
    package static func problems(_ connection: PostgresConnection) throws -> [String] {
        let broken = try connection.execute(
            """
            \(tree), problem (what, rows) AS (
                SELECT 'affiliates no root reaches', count(*) FROM fature_v2.affiliates_optimized a
                WHERE NOT EXISTS (SELECT 1 FROM tree WHERE tree.affiliate_id = a.affiliate_id)
                UNION ALL
                SELECT 'wrong path, level or shard', count(*)
                FROM fature_v2.affiliates_optimized a JOIN tree USING (affiliate_id)
                WHERE (a.hierarchy_path::text, a.hierarchy_level, a.shard_id) <> (tree.path, tree.level, tree.shard_id)
                UNION ALL
                SELECT 'pairs missing in the closure', count(*)
                FROM (SELECT * FROM pair EXCEPT SELECT * FROM fature_v2.hierarchy_index) AS missing
                UNION ALL
                SELECT 'pairs too many in the closure', count(*)
                FROM (SELECT * FROM fature_v2.hierarchy_index EXCEPT SELECT * FROM pair) AS extra
                UNION ALL
                SELECT 'wrong direct_referrals_count', count(*) FROM fature_v2.affiliates_optimized a
                WHERE direct_referrals_count <> (
                    SELECT count(*) FROM fature_v2.affiliates_optimized d WHERE d.parent_affiliate_id = a.affiliate_id)
                UNION ALL
                SELECT 'wrong total_network_size', count(*) FROM fature_v2.affiliates_optimized a
                LEFT JOIN (SELECT ancestor, count(*) AS size FROM pair GROUP BY ancestor) AS network ON network.ancestor = a.affiliate_id
                WHERE a.total_network_size <> coalesce(network.size, 0)
                UNION ALL
                SELECT 'wrong affiliates_count of a shard', count(*) FROM fature_v2.shard_sequence s
                WHERE affiliates_count <> (SELECT count(*) FROM fature_v2.affiliates_optimized a WHERE a.shard_id = s.shard_id)
                UNION ALL
                SELECT 'shards with gaps in their changes', count(*) FROM fature_v2.shard_sequence s
                LEFT JOIN (
                    SELECT shard_id, count(*) AS changes, min(seq) AS first, max(seq) AS last FROM fature_v2.hierarchy_change GROUP BY shard_id
                ) AS c USING (shard_id)
                WHERE (s.last_seq, s.last_seq, least(s.last_seq, 1))
                    <> (coalesce(c.changes, 0), coalesce(c.last, 0), coalesce(c.first, 0))
            )
            SELECT what, rows FROM problem WHERE rows > 0
            """)
        return try (0..<broken.rowCount).map { "\(try broken.int($0, 1)) × \(try broken.text($0, 0))" }
    }
}
