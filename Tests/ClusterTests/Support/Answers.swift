/// The gateway's JSON as callers see it.
struct AffiliateAnswer: Decodable, Equatable {
    var affiliate_id: Int64
    var parent_affiliate_id: Int64?
    var external_id: String
    var referral_code: String?
    var name: String
    var email: String?
    var phone: String?
    var document: String?
    var category: String
    var registration_date: String
    var status: String
    var hierarchy_level: Int
    var hierarchy_path: String
    var direct_referrals_count: Int
    var total_network_size: Int
}

struct NetworkAnswer: Decodable {
    struct Level: Decodable, Equatable {
        var level: Int
        var count: Int
    }
    struct Member: Decodable, Hashable {
        var affiliate_id: Int64
        var parent_affiliate_id: Int64
        var level_distance: Int
        var status: String
        var direct_referrals_count: Int
    }
    var affiliate_id: Int64
    var depth: Int
    var direct_referrals_count: Int
    var total_network_size: Int
    var levels: [Level]
    var members: [Member]
    var next_cursor: String?
}

struct UplineAnswer: Decodable, Equatable {
    struct Ancestor: Decodable, Equatable {
        var affiliate_id: Int64
        var level_distance: Int
        var status: String
    }
    var affiliate_id: Int64
    var upline: [Ancestor]
}

struct StatusesAnswer: Decodable, Equatable {
    var affiliate_id: Int64
    var depth: Int
    var total: Int
    var statuses: [String: Int]
}

struct RankingsAnswer: Decodable, Equatable {
    struct Line: Decodable, Equatable {
        var rank: Int
        var affiliate_id: Int64
        var value: Int
    }
    var metric: String
    var rankings: [Line]
}

struct StatisticsAnswer: Decodable {
    struct Shard: Decodable {
        var shard: Int
        var worker: String?
        var epoch: Int64
        var affiliates: Int
        var roots: Int
        var change_sequence: Int64
    }
    struct Worker: Decodable {
        var worker: String
        var shards: Int
        var affiliates: Int
    }
    var affiliates: Int
    var roots: Int
    var active: Int
    var by_status: [String: Int]
    var levels: [NetworkAnswer.Level]
    var workers: [Worker]
    var shards: [Shard]
}

struct MoveAnswer: Decodable, Equatable {
    var affiliate_id: Int64
    var old_parent_affiliate_id: Int64?
    var new_parent_affiliate_id: Int64?
    var affiliates_moved: Int
}

struct ProblemAnswer: Decodable {
    var type: String
    var status: Int
    var field: String?
    var detail: String?
    var request_id: String
}
