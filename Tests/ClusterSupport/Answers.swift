/// The gateway's JSON as callers see it.
package struct AffiliateAnswer: Decodable, Equatable {
    package var affiliate_id: Int64
    package var parent_affiliate_id: Int64?
    package var external_id: String
    package var referral_code: String?
    package var name: String
    package var email: String?
    package var phone: String?
    package var document: String?
    package var category: String
    package var registration_date: String
    package var status: String
    package var hierarchy_level: Int
    package var hierarchy_path: String
    package var direct_referrals_count: Int
    package var total_network_size: Int
}

package struct NetworkAnswer: Decodable {
    package struct Level: Decodable, Equatable {
        package var level: Int
        package var count: Int
    }
    package struct Member: Decodable, Hashable {
        package var affiliate_id: Int64
        package var parent_affiliate_id: Int64
        package var level_distance: Int
        package var status: String
        package var direct_referrals_count: Int
    }
    package var affiliate_id: Int64
    package var depth: Int
    package var direct_referrals_count: Int
    package var total_network_size: Int
    package var levels: [Level]
    package var members: [Member]
    package var next_cursor: String?
}

package struct UplineAnswer: Decodable, Equatable {
    package struct Ancestor: Decodable, Equatable {
        package var affiliate_id: Int64
        package var level_distance: Int
        package var status: String
    }
    package var affiliate_id: Int64
    package var upline: [Ancestor]
}

package struct StatusesAnswer: Decodable, Equatable {
    package var affiliate_id: Int64
    package var depth: Int
    package var total: Int
    package var statuses: [String: Int]
}

package struct RankingsAnswer: Decodable, Equatable {
    package struct Line: Decodable, Equatable {
        package var rank: Int
        package var affiliate_id: Int64
        package var value: Int
    }
    package var metric: String
    package var rankings: [Line]
}

package struct StatisticsAnswer: Decodable {
    package struct Shard: Decodable {
        package var shard: Int
        package var worker: String?
        package var epoch: Int64
        package var affiliates: Int
        package var roots: Int
        package var change_sequence: Int64
    }
    package struct Worker: Decodable {
        package var worker: String
        package var shards: Int
        package var affiliates: Int
    }
    package var affiliates: Int
    package var roots: Int
    package var active: Int
    package var by_status: [String: Int]
    package var levels: [NetworkAnswer.Level]
    package var workers: [Worker]
    package var shards: [Shard]
}

package struct MoveAnswer: Decodable, Equatable {
    package var affiliate_id: Int64
    package var old_parent_affiliate_id: Int64?
    package var new_parent_affiliate_id: Int64?
    package var affiliates_moved: Int

    package init(
        affiliate_id: Int64, old_parent_affiliate_id: Int64?, new_parent_affiliate_id: Int64?, affiliates_moved: Int
    ) {
        self.affiliate_id = affiliate_id
        self.old_parent_affiliate_id = old_parent_affiliate_id
        self.new_parent_affiliate_id = new_parent_affiliate_id
        self.affiliates_moved = affiliates_moved
    }
}

package struct ProblemAnswer: Decodable {
    package var type: String
    package var status: Int
    package var field: String?
    package var detail: String?
    package var request_id: String
}
