import PostgresClient
import TestServers

/// Compares what gateways answer with the independent model, question by question.
package struct Comparison {
    package let model: NetworkModel
    package private(set) var differences: [String] = []
    package private(set) var questions = 0
    private static let differencesMax = 20

    package init(_ model: NetworkModel) { self.model = model }

    private mutating func same<T: Equatable>(_ what: @autoclosure () -> String, _ answered: T, _ expected: T) {
        guard answered != expected, differences.count < Self.differencesMax else { return }
        differences.append("\(what()): answered \(answered), expected \(expected)".prefix(600).description)
    }

    private mutating func ask<T: Decodable>(_ path: String, _ client: HTTPClient, _ type: T.Type) throws -> T? {
        questions += 1
        let answer = try client.get(path)
        guard answer.status == 200 else {
            same(path, answer.status, 200)
            return nil
        }
        return try answer.decode(type)
    }

    package mutating func affiliate(_ id: Int64, _ client: HTTPClient) throws {
        let path = "/api/v2/affiliates/\(id)"
        if let answer = try ask(path, client, AffiliateAnswer.self) { same(path, answer, model.affiliates[id]?.answer ?? answer) }
        if model.affiliates[id] == nil { same("\(path) is known", true, false) }
    }

    package mutating func upline(_ id: Int64, _ client: HTTPClient) throws {
        let path = "/api/v2/affiliates/\(id)/upline"
        if let answer = try ask(path, client, UplineAnswer.self) { same(path, answer, model.upline(id)) }
    }

    package mutating func statuses(_ id: Int64, _ client: HTTPClient) throws {
        let path = "/api/v2/affiliates/\(id)/statuses"
        guard let answer = try ask(path, client, StatusesAnswer.self) else { return }
        let expected = model.statuses(id, depth: .max)
        same(path, answer.statuses, expected)
        same("\(path) total", answer.total, expected.values.reduce(0, +))
        if let shallow = try ask("\(path)?depth=2", client, StatusesAnswer.self) {
            same("\(path)?depth=2", shallow.statuses, model.statuses(id, depth: 2))
        }
    }

    /// The counts, and every member, page by page.
    package mutating func network(_ id: Int64, depth: Int, limit: Int, status: String?, _ client: HTTPClient) throws {
        let query = "depth=\(depth)&limit=\(limit)" + (status.map { "&status=\($0)" } ?? "")
        let path = "/api/v2/affiliates/\(id)/network?\(query)"
        var members: [NetworkAnswer.Member] = []
        var cursor: String?
        repeat {
            guard let page = try ask(path + (cursor.map { "&cursor=\($0)" } ?? ""), client, NetworkAnswer.self) else { return }
            same("\(path) levels", page.levels, model.levels(id, depth: depth))
            same("\(path) directs", page.direct_referrals_count, model.directs(id))
            same("\(path) size", page.total_network_size, model.affiliates[id]?.answer.total_network_size ?? -1)
            same("\(path) page too long", page.members.count > limit, false)
            if page.next_cursor != nil { same("\(path) short page before the end", page.members.count, limit) }
            members += page.members
            cursor = limit == 0 ? nil : page.next_cursor
        } while cursor != nil && members.count <= model.affiliates.count
        let expected = limit == 0 ? [] : model.members(id, depth: depth, status: status)
        same("\(path) members twice", members.count, Set(members).count)
        same("\(path) members too many", Set(members).subtracting(expected), [])
        same("\(path) members missing", expected.subtracting(members), [])
        same("\(path) level order", members.map(\.level_distance), members.map(\.level_distance).sorted())
    }

    package mutating func ranking(_ metric: String, limit: Int, _ client: HTTPClient) throws {
        let path = "/api/v2/rankings?metric=\(metric)&limit=\(limit)"
        if let answer = try ask(path, client, RankingsAnswer.self) { same(path, answer, model.ranking(metric, limit: limit)) }
    }

    package mutating func statistics(_ client: HTTPClient) throws {
        guard let answer = try ask("/api/v2/stats", client, StatisticsAnswer.self) else { return }
        var byStatus = ["active": 0, "inactive": 0, "suspended": 0, "banned": 0]
        var byLevel: [Int] = []
        var byShard = [Int](repeating: 0, count: 256)
        for affiliate in model.affiliates.values {
            byStatus[affiliate.answer.status, default: 0] += 1
            while byLevel.count <= affiliate.upline.count { byLevel.append(0) }
            byLevel[affiliate.upline.count] += 1
            byShard[affiliate.shard] += 1
        }
        same("stats affiliates", answer.affiliates, model.affiliates.count)
        same("stats roots", answer.roots, model.roots.count)
        same("stats active", answer.active, byStatus["active"])
        same("stats by_status", answer.by_status, byStatus)
        same("stats levels", answer.levels, byLevel.enumerated().map { .init(level: $0 + 1, count: $1) })
        same("stats shards", answer.shards.map(\.affiliates), byShard)
        same("stats workers", answer.workers.reduce(0) { $0 + $1.affiliates }, model.affiliates.count)
    }

    /// Every affiliate, every root's whole network, the sums: the memory of all workers against PostgreSQL.
    package mutating func everything(_ client: HTTPClient) throws {
        for id in model.ids {
            try affiliate(id, client)
            try upline(id, client)
        }
        for root in model.roots { try network(root, depth: 1_000_000, limit: 1000, status: nil, client) }
        for metric in ["direct_referrals", "network_size"] { try ranking(metric, limit: 1000, client) }
        try statistics(client)
    }
}

extension TestCluster {
    /// Where memory and PostgreSQL disagree, and what is wrong inside PostgreSQL; empty when all is well.
    package func differences() throws -> [String] {
        let connection = try connect()
        let problems = try HierarchyOracle.problems(connection)
        var comparison = Comparison(try NetworkModel(connection))
        try comparison.everything(client("gateway-1"))
        return problems + comparison.differences
    }
}
