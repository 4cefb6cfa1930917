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
    private var path: Bytes
    private var query: Bytes

    package static func parse(_ target: UnsafeRawBufferPointer) throws(TargetError) -> Route {
        var parser = TargetParser(target)
        return try parser.route()
    }

    private init(_ target: UnsafeRawBufferPointer) {
        let whole = Bytes(base: target, low: 0, high: target.count)
        (path, query) = whole.split(at: UInt8(ascii: "?"))
    }

    private mutating func route() throws(TargetError) -> Route {
        if skip("/api/v2/affiliates") {
            if path.isEmpty { return .affiliates }
            guard skip("/") else { throw .notFound }
            return try affiliateRoute()
        }
        if pathIs("/api/v2/transactions") { return .transactions }
        if pathIs("/api/v2/rankings") { return .rankings(try rankingQuestion()) }
        if pathIs("/api/v2/stats") { return .statistics }
        if pathIs("/health") { return .health }
        if pathIs("/ready") { return .ready }
        if pathIs("/metrics") { return .metrics }
        throw .notFound
    }

    private mutating func affiliateRoute() throws(TargetError) -> Route {
        let end = path.index(of: UInt8(ascii: "/")) ?? path.high
        let digits = Bytes(base: path.base, low: path.low, high: end)
        path.low = end
        let isPlain = path.isEmpty
        if !isPlain, !pathIs("/network"), !pathIs("/upline"), !pathIs("/statuses"), !pathIs("/move") { throw .notFound }
        guard let number = digits.number, number > 0 else { throw .badField(.affiliateID, .affiliateID) }
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
            if name.equals("depth") {
                guard let depth = value.number, depth >= 1, depth <= NetworkPage.depthMax else {
                    throw .badField(.depth, .depth)
                }
                page.depth = UInt32(depth)
            } else if name.equals("limit") {
                guard let limit = value.number, limit <= NetworkPage.limitMax else { throw .badField(.limit, .limit) }
                page.limit = UInt32(limit)
            } else if name.equals("status") {
                guard let status = Self.status(value) else { throw .badField(.status, .status) }
                page.status = status
            } else if name.equals("cursor") {
                guard let cursor = Self.cursor(value) else { throw .badField(.cursor, .cursor) }
                page.cursor = cursor
            }
        }
        return page
    }

    private mutating func rankingQuestion() throws(TargetError) -> RankingQuestion {
        var question = RankingQuestion(metric: .directReferrals, limit: 10)
        while let (name, value) = nextParameter() {
            if name.equals("metric") {
                guard let metric = RankingMetric.allCases.first(where: { value.equals($0.name) }) else {
                    throw .badField(.metric, .metric)
                }
                question.metric = metric
            } else if name.equals("limit") {
                guard let limit = value.number, limit >= 1, limit <= NetworkPage.limitMax else {
                    throw .badField(.limit, .rankingLimit)
                }
                question.limit = UInt32(limit)
            }
        }
        return question
    }

    // MARK: Bytes

    private mutating func skip(_ text: StaticString) -> Bool {
        guard path.hasPrefix(text) else { return false }
        path.low += text.utf8CodeUnitCount
        return true
    }

    private func pathIs(_ text: StaticString) -> Bool { path.equals(text) }

    /// The next `name=value` of the query. Unknown names are passed over by the callers, as HTTP caches and proxies add their own.
    private mutating func nextParameter() -> (name: Bytes, value: Bytes)? {
        while !query.isEmpty {
            let (pair, rest) = query.split(at: UInt8(ascii: "&"))
            query = rest
            if !pair.isEmpty { return pair.split(at: UInt8(ascii: "=")) }
        }
        return nil
    }

    private static func status(_ word: Bytes) -> AffiliateStatus? {
        AffiliateStatus.allCases.first { word.equals($0.name) }
    }

    /// `distance-parent-affiliate`, as `NetworkCursor` is printed in an answer.
    private static func cursor(_ text: Bytes) -> NetworkCursor? {
        let (first, rest) = text.split(at: UInt8(ascii: "-"))
        let (second, third) = rest.split(at: UInt8(ascii: "-"))
        guard let distance = first.number, let parent = second.number, let id = third.number,
            distance >= 1, distance <= NetworkPage.depthMax, parent > 0, id > 0
        else { return nil }
        return NetworkCursor(levelDistance: UInt32(distance), parent: AffiliateID(parent), affiliate: AffiliateID(id))
    }
}

/// A part of a request target, by two offsets: standard slices cost a third of the parser's time.
private struct Bytes {
    let base: UnsafeRawBufferPointer
    var low: Int
    var high: Int

    var count: Int { high - low }
    var isEmpty: Bool { low == high }

    func index(of byte: UInt8) -> Int? {
        var at = low
        while at < high {
            if base[at] == byte { return at }
            at += 1
        }
        return nil
    }

    /// What comes before the first such byte and what comes after; all and nothing if there is none.
    func split(at byte: UInt8) -> (Bytes, Bytes) {
        guard let at = index(of: byte) else { return (self, Bytes(base: base, low: high, high: high)) }
        return (Bytes(base: base, low: low, high: at), Bytes(base: base, low: at + 1, high: high))
    }

    func hasPrefix(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return false }
        let other = text.utf8Start
        for at in 0..<length where base[low + at] != other[at] { return false }
        return true
    }

    func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && hasPrefix(text) }

    /// A plain decimal number without sign, at most 19 digits and within Int64; nil for anything else.
    var number: Int64? {
        guard !isEmpty, count <= 19 else { return nil }
        var value: UInt64 = 0
        for at in low..<high {
            let digit = base[at] &- 48
            guard digit <= 9 else { return nil }
            // 19 digits are below 10^19, which fits.
            value = value &* 10 &+ UInt64(digit)
        }
        return Int64(exactly: value)
    }
}
