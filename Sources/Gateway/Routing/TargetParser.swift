import Core
import Frames

/// Why a request target leads nowhere.
package enum TargetError: Error, Equatable, Sendable {
    case notFound
    /// A field of the path or the query is wrong: its name, and what it should be.
    case badField(Field, Expectation)

    package enum Field: UInt8, Sendable {
        case affiliateID, depth, limit, status, cursor, metric

        package var name: StaticString {
            switch self {
            case .affiliateID: "affiliate_id"
            case .depth: "depth"
            case .limit: "limit"
            case .status: "status"
            case .cursor: "cursor"
            case .metric: "metric"
            }
        }
    }

    package enum Expectation: UInt8, Sendable {
        case affiliateID, depth, limit, rankingLimit, status, cursor, metric

        package var text: StaticString {
            switch self {
            case .affiliateID: "must be a whole number from 1 to 9223372036854775807"
            case .depth: "must be a whole number from 1 to 1000000"
            case .limit: "must be a whole number from 0 to 1000"
            case .rankingLimit: "must be a whole number from 1 to 1000"
            case .status: "must be one of active, inactive, suspended, banned"
            case .cursor: "must be a next_cursor of an earlier answer for the same affiliate"
            case .metric: "must be one of direct_referrals, network_size"
            }
        }
    }
}

/// Reads a request target (`/path?query`) byte by byte: no strings, no allocation, any bytes whatever.
package struct TargetParser {
    private var path: Slice<UnsafeRawBufferPointer>
    private var query: Slice<UnsafeRawBufferPointer>

    package static func parse(_ target: UnsafeRawBufferPointer) throws(TargetError) -> Route {
        var parser = TargetParser(target)
        return try parser.route()
    }

    private init(_ target: UnsafeRawBufferPointer) {
        let mark = target.firstIndex(of: UInt8(ascii: "?"))
        path = target[..<(mark ?? target.endIndex)]
        query = target[(mark.map { $0 + 1 } ?? target.endIndex)...]
    }

    private mutating func route() throws(TargetError) -> Route {
        if skip("/api/v2/affiliates") {
            if path.isEmpty { return .affiliates }
            guard skip("/") else { throw .notFound }
            return try affiliateRoute()
        }
        if pathIs("/api/v2/rankings") { return .rankings(try rankingQuestion()) }
        if pathIs("/api/v2/stats") { return .statistics }
        if pathIs("/health") { return .health }
        if pathIs("/ready") { return .ready }
        if pathIs("/metrics") { return .metrics }
        throw .notFound
    }

    private mutating func affiliateRoute() throws(TargetError) -> Route {
        let end = path.firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
        let digits = path[..<end]
        path = path[end...]
        let isPlain = path.isEmpty
        if !isPlain, !pathIs("/network"), !pathIs("/upline"), !pathIs("/statuses"), !pathIs("/move") { throw .notFound }
        guard let number = Self.number(digits), number > 0 else { throw .badField(.affiliateID, .affiliateID) }
        let id = AffiliateID(number)
        if isPlain { return .affiliate(id) }
        if pathIs("/network") { return .network(try networkPage(id)) }
        if pathIs("/upline") { return .upline(id) }
        if pathIs("/move") { return .move(id) }
        return .statusCounts(id, depth: try networkPage(id, depthDefault: NetworkPage.depthMax).depth)
    }

    private mutating func networkPage(_ id: AffiliateID, depthDefault: UInt32 = NetworkPage.depthDefault) throws(TargetError)
        -> NetworkPage
    {
        var page = NetworkPage(affiliate: id, depth: depthDefault)
        while let (name, value) = nextParameter() {
            if Self.equals(name, "depth") {
                guard let depth = Self.number(value), depth >= 1, depth <= NetworkPage.depthMax else {
                    throw .badField(.depth, .depth)
                }
                page.depth = UInt32(depth)
            } else if Self.equals(name, "limit") {
                guard let limit = Self.number(value), limit <= NetworkPage.limitMax else { throw .badField(.limit, .limit) }
                page.limit = UInt32(limit)
            } else if Self.equals(name, "status") {
                guard let status = Self.status(value) else { throw .badField(.status, .status) }
                page.status = status
            } else if Self.equals(name, "cursor") {
                guard let cursor = Self.cursor(value) else { throw .badField(.cursor, .cursor) }
                page.cursor = cursor
            }
        }
        return page
    }

    private mutating func rankingQuestion() throws(TargetError) -> RankingQuestion {
        var question = RankingQuestion(metric: .directReferrals, limit: 10)
        while let (name, value) = nextParameter() {
            if Self.equals(name, "metric") {
                guard let metric = RankingMetric.allCases.first(where: { Self.equals(value, $0.name) }) else {
                    throw .badField(.metric, .metric)
                }
                question.metric = metric
            } else if Self.equals(name, "limit") {
                guard let limit = Self.number(value), limit >= 1, limit <= NetworkPage.limitMax else {
                    throw .badField(.limit, .rankingLimit)
                }
                question.limit = UInt32(limit)
            }
        }
        return question
    }

    // MARK: Bytes

    private typealias Bytes = Slice<UnsafeRawBufferPointer>

    private mutating func skip(_ text: StaticString) -> Bool {
        guard path.count >= text.utf8CodeUnitCount, Self.equals(path.prefix(text.utf8CodeUnitCount), text) else { return false }
        path = path.dropFirst(text.utf8CodeUnitCount)
        return true
    }

    private func pathIs(_ text: StaticString) -> Bool { Self.equals(path, text) }

    /// The next `name=value` of the query. Unknown names are passed over by the callers, as HTTP caches and proxies add their own.
    private mutating func nextParameter() -> (name: Bytes, value: Bytes)? {
        while !query.isEmpty {
            let end = query.firstIndex(of: UInt8(ascii: "&")) ?? query.endIndex
            let pair = query[..<end]
            query = end < query.endIndex ? query[(end + 1)...] : query[end...]
            if pair.isEmpty { continue }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return (pair, pair[pair.endIndex...]) }
            return (pair[..<equals], pair[(equals + 1)...])
        }
        return nil
    }

    private static func equals(_ bytes: Bytes, _ text: StaticString) -> Bool {
        UnsafeRawBufferPointer(rebasing: bytes).equals(text)
    }

    /// A plain decimal number without sign, at most 19 digits and within Int64.
    private static func number(_ digits: Bytes) -> Int64? {
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard byte >= 48, byte <= 57 else { return nil }
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, overSum) = tens.addingReportingOverflow(Int64(byte - 48))
            if over || overSum { return nil }
            value = sum
        }
        return value
    }

    private static func status(_ word: Bytes) -> AffiliateStatus? {
        AffiliateStatus.allCases.first { equals(word, $0.name) }
    }

    /// `distance-parent-affiliate`, as `NetworkCursor` is printed in an answer.
    private static func cursor(_ text: Bytes) -> NetworkCursor? {
        let parts = text.split(separator: UInt8(ascii: "-"), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let distance = number(parts[0]), let parent = number(parts[1]), let id = number(parts[2]),
            distance >= 1, distance <= NetworkPage.depthMax, parent > 0, id > 0
        else { return nil }
        return NetworkCursor(levelDistance: UInt32(distance), parent: AffiliateID(parent), affiliate: AffiliateID(id))
    }
}
