import Core
import Frames
import HTTP2
import Testing

@testable import Gateway

func parse(_ target: String) throws(TargetError) -> Route { try parse(Array(target.utf8)) }

func parse(_ target: [UInt8]) throws(TargetError) -> Route {
    // Exactly as long as the target, so that reading past its end is reading past the allocation.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: target.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: target)
    return try TargetParser.parse(UnsafeRawBufferPointer(copy))
}

private let seven = AffiliateID(7)

@Suite("Request targets")
struct TargetParserTests {
    @Test(
        "a target leads to its route",
        arguments: [
            ("/api/v2/affiliates", .affiliates), ("/api/v2/affiliates?x=1", .affiliates),
            ("/api/v2/affiliates/7", .affiliate(seven)), ("/api/v2/affiliates/0000000000000000007", .affiliate(seven)),
            ("/api/v2/affiliates/9223372036854775807", .affiliate(AffiliateID(.max))),
            ("/api/v2/affiliates/7?depth=x", .affiliate(seven)),
            ("/api/v2/affiliates/7/upline", .upline(seven)), ("/api/v2/affiliates/7/move", .move(seven)),
            ("/api/v2/affiliates/7/statuses", .statusCounts(seven, depth: 1_000_000)),
            ("/api/v2/affiliates/7/statuses?depth=2", .statusCounts(seven, depth: 2)),
            ("/api/v2/affiliates/7/network", .network(NetworkPage(affiliate: seven))),
            ("/api/v2/affiliates/7/network?", .network(NetworkPage(affiliate: seven))),
            ("/api/v2/affiliates/7/network?&&other&=&x=y", .network(NetworkPage(affiliate: seven))),
            (
                "/api/v2/affiliates/7/network?depth=1&limit=0&status=banned&cursor=3-4-5",
                .network(
                    NetworkPage(
                        affiliate: seven, depth: 1, limit: 0, status: .banned,
                        cursor: NetworkCursor(levelDistance: 3, parent: AffiliateID(4), affiliate: AffiliateID(5))))
            ),
            ("/api/v2/affiliates/7/network?depth=2&depth=3", .network(NetworkPage(affiliate: seven, depth: 3))),
            (
                "/api/v2/affiliates/7/network?depth=1000000&limit=1000",
                .network(NetworkPage(affiliate: seven, depth: 1_000_000, limit: 1000))
            ),
            ("/api/v2/transactions", .transactions), ("/api/v2/transactions?x", .transactions),
            ("/api/v2/rankings", .rankings(RankingQuestion(metric: .directReferrals, limit: 10))),
            ("/api/v2/rankings?metric=network_size&limit=1000", .rankings(RankingQuestion(metric: .networkSize, limit: 1000))),
            ("/api/v2/stats", .statistics), ("/health", .health), ("/ready?a", .ready), ("/metrics", .metrics),
        ] as [(String, Route)])
    func routes(target: String, route: Route) throws { #expect(try parse(target) == route) }

    @Test(
        "a target that leads nowhere is not found",
        arguments: [
            "", "/", "?", "*", "/health/", "/healthy", "health", "/api/v2/affiliates/7/", "/api/v2/affiliates/7/networks",
            "/api/v2/affiliates/x/nothing", "/api/v2/affiliatesx", "/api/v1/affiliates/7", "/API/v2/stats", "//health",
            "http://host/health", "/api/v2/affiliates/7/network/", "/api/v2/affiliates/7/network/x", "/%68ealth",
        ])
    func notFound(target: String) { #expect(throws: TargetError.notFound) { try parse(target) } }

    @Test(
        "a bad number in the path names affiliate_id",
        arguments: ["", "0", "-1", "+1", "1.0", "1e3", " 1", "9223372036854775808", "00000000000000000001", "x", "%31"])
    func badIDs(id: String) {
        for suffix in ["", "/network", "/move"] {
            #expect(throws: TargetError.badField(.affiliateID, .affiliateID)) { try parse("/api/v2/affiliates/\(id)\(suffix)") }
        }
    }

    @Test(
        "a bad value in the query names its field",
        arguments: [
            ("depth=0", .depth, .depth), ("depth=1000001", .depth, .depth), ("depth=", .depth, .depth), ("depth", .depth, .depth),
            ("limit=1001", .limit, .limit), ("limit=-1", .limit, .limit), ("status=Active", .status, .status),
            ("status=", .status, .status), ("cursor=1-2", .cursor, .cursor), ("cursor=1-2-3-4", .cursor, .cursor),
            ("cursor=0-2-3", .cursor, .cursor), ("cursor=1-0-3", .cursor, .cursor), ("cursor=1--3", .cursor, .cursor),
            ("cursor=1000001-2-3", .cursor, .cursor), ("depth=1&limit=99999999999999999999", .limit, .limit),
        ] as [(String, TargetError.Field, TargetError.Expectation)])
    func badQuery(query: String, field: TargetError.Field, expectation: TargetError.Expectation) {
        #expect(throws: TargetError.badField(field, expectation)) { try parse("/api/v2/affiliates/7/network?\(query)") }
    }

    @Test("a ranking of none or of too many is refused", arguments: ["limit=0", "limit=1001", "limit=x"])
    func badRanking(query: String) {
        #expect(throws: TargetError.badField(.limit, .rankingLimit)) { try parse("/api/v2/rankings?\(query)") }
        #expect(throws: TargetError.badField(.metric, .metric)) { try parse("/api/v2/rankings?metric=size") }
    }

    @Test("random bytes, and random pieces of real targets, never trap")
    func randomBytes() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "/api/v2/affiliates", "/", "7", "99999999999999999999", "/network", "/move", "?", "&", "=", "depth", "limit",
            "cursor",
            "1-2-3", "-", "status", "active", "/api/v2/rankings", "metric", "\0", "%", "é",
        ].map { Array($0.utf8) }
        for _ in 0..<50_000 {
            var target: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                if let piece = pieces.randomElement(using: &random) { target += piece }
                if Int.random(in: 0..<10, using: &random) == 0 { target.append(UInt8.random(in: 0...255, using: &random)) }
            }
            do throws(TargetError) { _ = try parse(target) } catch { continue }
        }
    }

    @Test("each route answers the methods it says it allows, and no others")
    func methods() throws {
        let targets = [
            "/api/v2/affiliates", "/api/v2/affiliates/7", "/api/v2/affiliates/7/network", "/api/v2/affiliates/7/upline",
            "/api/v2/affiliates/7/statuses", "/api/v2/affiliates/7/move", "/api/v2/rankings", "/api/v2/stats", "/health",
            "/ready",
            "/metrics",
        ]
        let methods: [(String, RequestMethod)] = [
            ("GET", .get), ("HEAD", .head), ("POST", .post), ("PATCH", .patch), ("PUT", .put), ("DELETE", .delete),
            ("OPTIONS", .options), ("BREW", .other),
        ]
        for target in targets {
            let route = try parse(target)
            let allowed = "\(route.allowedMethods)".split(separator: ", ").map(String.init)
            #expect(methods.filter { route.allows($0.1) }.map(\.0).sorted() == allowed.sorted(), "\(target)")
        }
    }
}
