import Core
import Frames

/// Reads a request target (`/path?query`) byte by byte: no strings, no allocation, any bytes whatever.
package struct TargetParser {
    var path: TargetBytes
    var query: TargetBytes

    package static func parse(_ target: UnsafeRawBufferPointer) throws(TargetError) -> Route {
        var parser = TargetParser(target)
        return try parser.route()
    }

    init(_ target: UnsafeRawBufferPointer) {
        let whole = TargetBytes(base: target, low: 0, high: target.count)
        (path, query) = whole.split(at: UInt8(ascii: "?"))
    }

    private mutating func route() throws(TargetError) -> Route {
        if skip("/api/v2/affiliates") {
            if path.isEmpty { return .affiliates }
            guard skip("/") else { throw .notFound }
            return try affiliateRoute()
        }
        if skip("/api/v2/transactions") {
            if path.isEmpty { return .transactions }
            guard skip("/") else { throw .notFound }
            return try transactionRoute()
        }
        if skip("/api/v2/commissions/") { return try commissionRoute() }
        if pathIs("/api/v2/rankings") { return try rankingRoute() }
        if pathIs("/api/v2/stats") { return .statistics }
        if pathIs("/health") { return .health }
        if pathIs("/ready") { return .ready }
        if pathIs("/metrics") { return .metrics }
        throw .notFound
    }

    private mutating func affiliateRoute() throws(TargetError) -> Route {
        let end = path.index(of: UInt8(ascii: "/")) ?? path.high
        let digits = TargetBytes(base: path.base, low: path.low, high: end)
        path.low = end
        let isPlain = path.isEmpty
        if !isPlain, !pathIs("/network"), !pathIs("/upline"), !pathIs("/statuses"), !pathIs("/move"), !pathIs("/totals"),
            !pathIs("/commissions")
        {
            throw .notFound
        }
        guard let number = digits.number, number > 0 else { throw .badField(.affiliateID, .affiliateID) }
        let id = AffiliateID(number)
        if isPlain { return .affiliate(id) }
        if pathIs("/network") { return .network(try networkPage(id)) }
        if pathIs("/upline") { return .upline(id) }
        if pathIs("/move") { return .move(id) }
        if pathIs("/totals") { return .totals(id) }
        if pathIs("/commissions") { return .affiliateCommissions(id) }
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

    private mutating func rankingRoute() throws(TargetError) -> Route {
        var question = RankingQuestion(metric: .directReferrals, limit: 10)
        var totals: TotalsMetric?
        while let (name, value) = nextParameter() {
            if name.equals("metric") {
                totals = TotalsMetric.allCases.first { value.equals($0.name) }
                let metric = RankingMetric.allCases.first { value.equals($0.name) }
                if metric == nil, totals == nil { throw .badField(.metric, .metric) }
                question.metric = metric ?? .directReferrals
            } else if name.equals("limit") {
                guard let limit = value.number, limit >= 1, limit <= NetworkPage.limitMax else {
                    throw .badField(.limit, .rankingLimit)
                }
                question.limit = UInt32(limit)
            }
        }
        return totals.map { .ledgerRanking($0, limit: question.limit) } ?? .rankings(question)
    }

    // MARK: Bytes

    mutating func skip(_ text: StaticString) -> Bool {
        guard path.hasPrefix(text) else { return false }
        path.low += text.utf8CodeUnitCount
        return true
    }

    func pathIs(_ text: StaticString) -> Bool { path.equals(text) }

    /// The next `name=value` of the query. Unknown names are passed over by the callers, as HTTP caches and proxies add their own.
    mutating func nextParameter() -> (name: TargetBytes, value: TargetBytes)? {
        while !query.isEmpty {
            let (pair, rest) = query.split(at: UInt8(ascii: "&"))
            query = rest
            if !pair.isEmpty { return pair.split(at: UInt8(ascii: "=")) }
        }
        return nil
    }

    private static func status(_ word: TargetBytes) -> AffiliateStatus? {
        AffiliateStatus.allCases.first { word.equals($0.name) }
    }

    /// `distance-parent-affiliate`, as `NetworkCursor` is printed in an answer.
    private static func cursor(_ text: TargetBytes) -> NetworkCursor? {
        let (first, rest) = text.split(at: UInt8(ascii: "-"))
        let (second, third) = rest.split(at: UInt8(ascii: "-"))
        guard let distance = first.number, let parent = second.number, let id = third.number,
            distance >= 1, distance <= NetworkPage.depthMax, parent > 0, id > 0
        else { return nil }
        return NetworkCursor(levelDistance: UInt32(distance), parent: AffiliateID(parent), affiliate: AffiliateID(id))
    }
}
