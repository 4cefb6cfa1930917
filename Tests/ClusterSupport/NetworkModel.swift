import PostgresClient
import Store

/// The whole network as plain recursive queries over the parent links see it: no path, no level, no closure, no counter is read.
package struct NetworkModel {
    package struct Affiliate: Sendable {
        package var answer: AffiliateAnswer
        package var shard: Int
        /// Nearest first.
        package var upline: [Int64] = []
        /// By level distance, from 1.
        package var levels: [[Int64]] = []
    }

    package private(set) var affiliates: [Int64: Affiliate] = [:]

    package init(_ connection: PostgresConnection) throws {
        let rows = try connection.execute(
            """
            SELECT affiliate_id, parent_affiliate_id, external_id, referral_code, name, email, phone, document, category,
                to_char(registration_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'),
                to_char(registration_date AT TIME ZONE 'UTC', 'US'), status, shard_id
            FROM fature_v2.affiliates_optimized
            """)
        for row in 0..<rows.rowCount {
            let id = try rows.int(row, 0)
            let fraction = try rows.text(row, 10)
            affiliates[id] = Affiliate(
                answer: AffiliateAnswer(
                    affiliate_id: id, parent_affiliate_id: try rows.optionalInt(row, 1), external_id: try rows.text(row, 2),
                    referral_code: try rows.optionalText(row, 3), name: try rows.text(row, 4),
                    email: try rows.optionalText(row, 5),
                    phone: try rows.optionalText(row, 6), document: try rows.optionalText(row, 7),
                    category: try rows.text(row, 8),
                    registration_date: try rows.text(row, 9) + (fraction == "000000" ? "" : ".\(fraction)") + "Z",
                    status: try rows.text(row, 11), hierarchy_level: 1, hierarchy_path: "\(id)", direct_referrals_count: 0,
                    total_network_size: 0), shard: Int(try rows.int(row, 12)))
        }
        let pairs = try connection.execute(
            """
            WITH RECURSIVE pair (ancestor, descendant, distance) AS (
                SELECT parent_affiliate_id, affiliate_id, 1 FROM fature_v2.affiliates_optimized WHERE parent_affiliate_id IS NOT NULL
                UNION ALL
                SELECT a.parent_affiliate_id, p.descendant, p.distance + 1
                FROM pair p JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = p.ancestor
                WHERE a.parent_affiliate_id IS NOT NULL
            ) SELECT ancestor, descendant, distance FROM pair ORDER BY distance, descendant
            """)
        for row in 0..<pairs.rowCount {
            let ancestor = try pairs.int(row, 0)
            let descendant = try pairs.int(row, 1)
            let distance = Int(try pairs.int(row, 2))
            affiliates[descendant]?.upline.append(ancestor)
            if affiliates[ancestor]?.levels.count == distance - 1 { affiliates[ancestor]?.levels.append([]) }
            affiliates[ancestor]?.levels[distance - 1].append(descendant)
        }
        for id in affiliates.keys {
            guard let affiliate = affiliates[id] else { continue }
            affiliates[id]?.answer.hierarchy_level = affiliate.upline.count + 1
            affiliates[id]?.answer.hierarchy_path = (affiliate.upline.reversed() + [id]).map(String.init).joined(separator: ".")
            affiliates[id]?.answer.direct_referrals_count = affiliate.levels.first?.count ?? 0
            affiliates[id]?.answer.total_network_size = affiliate.levels.reduce(0) { $0 + $1.count }
        }
    }

    package var ids: [Int64] { affiliates.keys.sorted() }
    package var roots: [Int64] { ids.filter { affiliates[$0]?.upline.isEmpty == true } }
    package var widest: Int64 { ids.max { directs($0) < directs($1) } ?? 0 }
    package var leaves: [Int64] { ids.filter { directs($0) == 0 } }

    package func directs(_ id: Int64) -> Int { affiliates[id]?.answer.direct_referrals_count ?? 0 }

    package func upline(_ id: Int64) -> UplineAnswer {
        UplineAnswer(
            affiliate_id: id,
            upline: (affiliates[id]?.upline ?? []).enumerated().map {
                .init(affiliate_id: $1, level_distance: $0 + 1, status: affiliates[$1]?.answer.status ?? "")
            })
    }

    package func members(_ id: Int64, depth: Int, status: String?) -> Set<NetworkAnswer.Member> {
        var members: Set<NetworkAnswer.Member> = []
        for (at, level) in (affiliates[id]?.levels ?? []).prefix(depth).enumerated() {
            for member in level {
                guard let answer = affiliates[member]?.answer, status == nil || answer.status == status else { continue }
                members.insert(
                    .init(
                        affiliate_id: member, parent_affiliate_id: answer.parent_affiliate_id ?? 0, level_distance: at + 1,
                        status: answer.status, direct_referrals_count: answer.direct_referrals_count))
            }
        }
        return members
    }

    package func levels(_ id: Int64, depth: Int) -> [NetworkAnswer.Level] {
        (affiliates[id]?.levels ?? []).prefix(depth).enumerated().map { .init(level: $0 + 1, count: $1.count) }
    }

    package func statuses(_ id: Int64, depth: Int) -> [String: Int] {
        var counts = ["active": 0, "inactive": 0, "suspended": 0, "banned": 0]
        for level in (affiliates[id]?.levels ?? []).prefix(depth) {
            for member in level { counts[affiliates[member]?.answer.status ?? "", default: 0] += 1 }
        }
        return counts
    }

    /// Most first; of equals the smaller id first.
    package func ranking(_ metric: String, limit: Int) -> RankingsAnswer {
        func value(_ id: Int64) -> Int {
            guard let answer = affiliates[id]?.answer else { return 0 }
            return metric == "network_size" ? answer.total_network_size : answer.direct_referrals_count
        }
        let best = ids.map { ($0, value($0)) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.prefix(limit)
        return RankingsAnswer(
            metric: metric, rankings: best.enumerated().map { .init(rank: $0 + 1, affiliate_id: $1.0, value: $1.1) })
    }
}
