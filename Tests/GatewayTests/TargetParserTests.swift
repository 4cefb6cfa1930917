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
            ("/api/v2/rankings?metric=volume", .ledgerRanking(.volume, limit: 10)),
            ("/api/v2/rankings?limit=3&metric=commissions", .ledgerRanking(.commissions, limit: 3)),
            ("/api/v2/rankings?metric=volume&metric=network_size", .rankings(RankingQuestion(metric: .networkSize, limit: 10))),
            ("/api/v2/transactions/7", .transaction(TransactionID(7))),
            ("/api/v2/transactions/7/reverse", .reverse(TransactionID(7))),
            ("/api/v2/transactions/7/commissions", .transactionCommissions(TransactionID(7), explain: false)),
            ("/api/v2/transactions/7/commissions?explain=true", .transactionCommissions(TransactionID(7), explain: true)),
            ("/api/v2/transactions/7/commissions?a&explain=false", .transactionCommissions(TransactionID(7), explain: false)),
            ("/api/v2/affiliates/7/totals", .totals(seven)),
            ("/api/v2/affiliates/7/commissions?limit=x", .affiliateCommissions(seven)),
            ("/api/v2/commissions/status", .decisions),
            ("/api/v2/commissions/1000-1/status", .decision(CommissionID(transaction: 1000, ordinal: 1))),
            ("/api/v2/commissions/1000--2001/status", .decision(CommissionID(transaction: 1000, ordinal: -2001))),
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
            "/api/v2/transactionsx", "/api/v2/transactions/7/", "/api/v2/transactions/7/move", "/api/v2/commissions",
            "/api/v2/commissions/", "/api/v2/commissions/7-1", "/api/v2/commissions/7-1/statuses", "/api/v2/commissions/status/",
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

    @Test("a bad number of a transaction or commission, or a bad explain, names its field")
    func badLedgerTargets() {
        for id in ["0", "-1", "x", "9223372036854775808"] {
            #expect(throws: TargetError.badField(.transactionID, .transactionID)) {
                try parse("/api/v2/transactions/\(id)/reverse")
            }
        }
        for id in ["1", "1-", "-1", "1-0", "0-1", "1-32768", "1--32769", "1-+1", "1---1", "x-1", "1-1-1"] {
            #expect(throws: TargetError.badField(.commissionID, .commissionID), "\(id)") {
                try parse("/api/v2/commissions/\(id)/status")
            }
        }
        #expect(throws: TargetError.badField(.explain, .explain)) { try parse("/api/v2/transactions/7/commissions?explain=1") }
    }

    @Test("the query of a list of commissions is read with its escapes, and each bad value names its field")
    func commissionListing() throws {
        func listing(_ query: String) throws(TargetError) -> CommissionListing {
            try bytes("/api/v2/affiliates/7/commissions?\(query)") { target throws(TargetError) in
                try TargetParser.commissionListing(target, of: seven)
            }
        }
        #expect(try listing("") == CommissionListing(affiliate: seven))
        #expect(
            try listing("status=paid&from=2026-01-31&to=2026-01-31T12%3a00%3A00%2B01:00&limit=7&x=1")
                == CommissionListing(
                    affiliate: seven, status: .paid, from: 1_769_817_600_000_000, to: 1_769_857_200_000_000, limit: 7))
        for (query, field, expectation) in [
            ("status=active", .status, .commissionStatus), ("from=", .from, .moment), ("from=yesterday", .from, .moment),
            ("to=2026-13-01", .to, .moment), ("to=2026-01-31T12%3", .to, .moment), ("to=%zz", .to, .moment),
            ("from=2026-01-31T12:00:00.00000000000000000000000000000000", .from, .moment), ("limit=0", .limit, .commissionLimit),
            ("limit=1001", .limit, .commissionLimit),
        ] as [(String, TargetError.Field, TargetError.Expectation)] {
            #expect(throws: TargetError.badField(field, expectation), "\(query)") { try listing(query) }
        }
    }

    @Test("a cursor of a list goes on in that list alone, with pages of any length, and nothing else is a cursor")
    func commissionCursor() throws {
        func cursor(_ query: String, _ text: String, of id: AffiliateID = seven) throws(TargetError) -> CommissionCursor? {
            try bytes("/api/v2/affiliates/7/commissions?\(query)&cursor=\(text)") { target throws(TargetError) in
                try TargetParser.commissionListing(target, of: id).cursor
            }
        }
        let filters = ["limit=5", "status=paid", "status=pending", "from=2026-01-31", "to=2026-01-31"]
        for (amount, ordinal) in [("-3.50", -2), ("999999999999999999.99", 1)] as [(String, Int16)] {
            let given = CommissionCursor(
                createdAt: 1_769_850_000_000_001, id: CommissionID(transaction: 5, ordinal: ordinal), count: 12, amount: amount)
            for filter in filters {
                let listing = try bytes("/?\(filter)") { target throws(TargetError) in
                    try TargetParser.commissionListing(target, of: seven)
                }
                let text = listing.text(of: given)
                #expect(
                    text.utf8.count < 120
                        && text.utf8.allSatisfy { ($0 | 32 >= 97 && $0 | 32 <= 122) || "0123456789-_".utf8.contains($0) })
                #expect(try cursor(filter + "&limit=1000", text) == given)
                // The order of the query does not matter.
                #expect(try cursor("cursor=x&\(filter)", text) == given)
                for other in filters where other != filter {
                    #expect(throws: TargetError.badField(.cursor, .commissionCursor)) { try cursor(other, text) }
                }
                #expect(throws: TargetError.badField(.cursor, .commissionCursor)) { try cursor(filter, text, of: AffiliateID(8)) }
                for at in text.indices {
                    var wrong = text
                    wrong.replaceSubrange(at...at, with: text[at] == "A" ? "B" : "A")
                    #expect(throws: TargetError.badField(.cursor, .commissionCursor)) { try cursor(filter, wrong) }
                }
                #expect(throws: TargetError.badField(.cursor, .commissionCursor)) { try cursor(filter, String(text.dropLast())) }
            }
        }
        for text in ["", "A", "=", "1_5_1_12_3.50", "AAAAAAAAAAA", String(repeating: "A", count: 257), "%", "%41"] {
            #expect(throws: TargetError.badField(.cursor, .commissionCursor), "\(text)") { try cursor("", text) }
        }
        // Written by us, and out of every range: no moment, no transaction.
        for (createdAt, transaction, ordinal) in [(-1, 1, 1), (Int64.max, 1, 1), (1, 0, 1), (1, 1, 0)] as [(Int64, Int64, Int16)]
        {
            let text = CommissionListing(affiliate: seven).text(
                of: CommissionCursor(
                    createdAt: createdAt, id: CommissionID(transaction: transaction, ordinal: ordinal), count: 1, amount: "1.00"))
            #expect(throws: TargetError.badField(.cursor, .commissionCursor)) { try cursor("", text) }
        }
    }

    private func bytes<R>(_ target: String, _ body: (UnsafeRawBufferPointer) throws(TargetError) -> R) throws(TargetError) -> R {
        let bytes = Array(target.utf8)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return try body(UnsafeRawBufferPointer(copy))
    }

    @Test("random bytes, and random pieces of real targets, never trap")
    func randomBytes() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "/api/v2/affiliates", "/", "7", "99999999999999999999", "/network", "/move", "?", "&", "=", "depth", "limit",
            "cursor",
            "1-2-3", "-", "status", "active", "/api/v2/rankings", "metric", "\0", "%", "é", "/api/v2/transactions/",
            "/commissions", "/api/v2/commissions/", "/status", "1-1", "from",
        ].map { Array($0.utf8) }
        for _ in 0..<50_000 {
            var target: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                if let piece = pieces.randomElement(using: &random) { target += piece }
                if Int.random(in: 0..<10, using: &random) == 0 { target.append(UInt8.random(in: 0...255, using: &random)) }
            }
            target.withUnsafeBytes { raw in
                do throws(TargetError) { _ = try TargetParser.commissionListing(raw, of: seven) } catch { return }
            }
            do throws(TargetError) { _ = try parse(target) } catch { continue }
        }
    }

    @Test("each route answers the methods it says it allows, and no others")
    func methods() throws {
        let targets = [
            "/api/v2/affiliates", "/api/v2/affiliates/7", "/api/v2/affiliates/7/network", "/api/v2/affiliates/7/upline",
            "/api/v2/affiliates/7/statuses", "/api/v2/affiliates/7/move", "/api/v2/rankings", "/api/v2/stats", "/health",
            "/ready", "/metrics", "/api/v2/transactions", "/api/v2/transactions/7", "/api/v2/transactions/7/commissions",
            "/api/v2/transactions/7/reverse", "/api/v2/affiliates/7/commissions", "/api/v2/affiliates/7/totals",
            "/api/v2/commissions/status", "/api/v2/commissions/7-1/status", "/api/v2/rankings?metric=volume",
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
