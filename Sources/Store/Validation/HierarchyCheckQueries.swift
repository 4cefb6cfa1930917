/// One query for each check: a row `who` for each affiliate or pair for which it does not hold.
enum HierarchyCheckQueries {
    static func sql(_ check: HierarchyCheck) -> String {
        switch check {
        case .orphans:
            """
            SELECT a.affiliate_id::text AS who FROM fature_v2.affiliates_optimized a
            WHERE a.parent_affiliate_id IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized p WHERE p.affiliate_id = a.parent_affiliate_id)
            """
        case .cycles:
            """
            SELECT a.affiliate_id::text AS who FROM fature_v2.affiliates_optimized a
            WHERE NOT EXISTS (SELECT 1 FROM truth_reached t WHERE t.affiliate_id = a.affiliate_id)
            """
        case .levelInconsistencies: node("a.hierarchy_level <> t.level")
        case .invalidPaths: node("ltree2text(a.hierarchy_path) <> t.path")
        case .shardMismatches:
            """
            SELECT a.affiliate_id::text AS who FROM truth_node t
            JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = t.affiliate_id
            JOIN fature_v2.affiliates_optimized r ON r.affiliate_id = t.root_id
            WHERE a.shard_id <> r.shard_id
            """
        case .shardCountMismatches:
            """
            SELECT coalesce(n.id, c.shard_id)::text AS who FROM generate_series(0, 255) AS n (id)
            FULL JOIN (
                SELECT shard_id, count(*) AS affiliates FROM fature_v2.affiliates_optimized GROUP BY 1
            ) AS c ON c.shard_id = n.id
            LEFT JOIN fature_v2.shard_sequence q ON q.shard_id = coalesce(n.id, c.shard_id)
            LEFT JOIN fature_v2.shard s ON s.id = coalesce(n.id, c.shard_id)
            WHERE s.id IS NULL OR q.affiliates_count IS DISTINCT FROM coalesce(c.affiliates, 0)
            """
        case .directCounterMismatches:
            counter(
                "direct_referrals_count",
                "SELECT parent_affiliate_id AS id, count(*) FROM fature_v2.affiliates_optimized GROUP BY 1")
        case .networkCounterMismatches:
            counter("total_network_size", "SELECT ancestor_id AS id, count(*) FROM truth_pair GROUP BY 1")
                + " AND a.affiliate_id IN (SELECT affiliate_id FROM truth_reached)"
        case .duplicateIndexRows, .invalidIndexRows, .missingIndexRows, .wrongDistanceIndexRows, .surplusIndexRows: index(check)
        case .v1Missing, .v1Links, .v1Status, .v1ExternalID, .v1Top10: v1(check)
        }
    }

    private static func node(_ condition: String) -> String {
        """
        SELECT a.affiliate_id::text AS who FROM fature_v2.affiliates_optimized a JOIN truth_node t ON t.affiliate_id = a.affiliate_id
        WHERE \(condition)
        """
    }

    private static func counter(_ column: String, _ counts: String) -> String {
        """
        SELECT a.affiliate_id::text AS who FROM fature_v2.affiliates_optimized a LEFT JOIN (\(counts)) AS c ON c.id = a.affiliate_id
        WHERE a.\(column) <> coalesce(c.count, 0)
        """
    }

    private static func index(_ check: HierarchyCheck) -> String {
        switch check {
        case .duplicateIndexRows:
            """
            SELECT ancestor_id || '>' || descendant_id AS who FROM fature_v2.hierarchy_index
            GROUP BY ancestor_id, descendant_id HAVING count(*) > 1
            """
        case .invalidIndexRows:
            """
            SELECT i.ancestor_id || '>' || i.descendant_id AS who FROM fature_v2.hierarchy_index i
            WHERE i.ancestor_id = i.descendant_id OR i.level_distance < 1
                OR NOT EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized a WHERE a.affiliate_id = i.ancestor_id)
                OR NOT EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized a WHERE a.affiliate_id = i.descendant_id)
            """
        case .missingIndexRows:
            """
            SELECT t.ancestor_id || '>' || t.descendant_id AS who FROM truth_pair t
            WHERE NOT EXISTS (
                SELECT 1 FROM fature_v2.hierarchy_index i WHERE i.ancestor_id = t.ancestor_id AND i.descendant_id = t.descendant_id)
            """
        case .wrongDistanceIndexRows:
            """
            SELECT i.ancestor_id || '>' || i.descendant_id AS who FROM fature_v2.hierarchy_index i
            JOIN truth_pair t ON t.ancestor_id = i.ancestor_id AND t.descendant_id = i.descendant_id
            WHERE i.level_distance <> t.distance
            """
        default:
            """
            SELECT i.ancestor_id || '>' || i.descendant_id AS who FROM fature_v2.hierarchy_index i
            WHERE i.ancestor_id <> i.descendant_id
                AND EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized a WHERE a.affiliate_id = i.ancestor_id)
                AND EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized a WHERE a.affiliate_id = i.descendant_id)
                AND NOT EXISTS (
                    SELECT 1 FROM truth_pair t WHERE t.ancestor_id = i.ancestor_id AND t.descendant_id = i.descendant_id)
            """
        }
    }

    private static func v1(_ check: HierarchyCheck) -> String {
        switch check {
        case .v1Missing:
            """
            SELECT coalesce(o.affiliate_id, a.affiliate_id)::text AS who
            FROM v1_affiliate o FULL JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = o.affiliate_id
            WHERE o.affiliate_id IS NULL OR a.affiliate_id IS NULL
            """
        case .v1Links: differing("parent_affiliate_id")
        case .v1Status: differing("status")
        case .v1ExternalID: differing("external_id")
        default:
            // V1's own numbers, as its callers see them.
            """
            SELECT o.affiliate_id::text AS who FROM (
                SELECT affiliate_id, level_1_referrals FROM v1_affiliate ORDER BY level_1_referrals DESC, affiliate_id LIMIT 10
            ) AS o LEFT JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = o.affiliate_id
            WHERE a.direct_referrals_count IS DISTINCT FROM o.level_1_referrals
            """
        }
    }

    private static func differing(_ column: String) -> String {
        """
        SELECT a.affiliate_id::text AS who
        FROM v1_affiliate o JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = o.affiliate_id
        WHERE a.\(column) IS DISTINCT FROM o.\(column)
        """
    }
}
