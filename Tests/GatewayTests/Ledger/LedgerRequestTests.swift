import Core
import PostgresClient
import Store
import Testing

@testable import Gateway

@Suite("Requests about the ledger")
struct LedgerRequestTests {
    @Test("each route asks its question, and the answer is handed on")
    func questions() async throws {
        let gateway = try await TestGateway([])
        gateway.services.state.withLock { $0.ledger = .body(status: 207, Array("{\"a\":1}".utf8)) }
        let reason = #"{"reason":"r"}"#
        let decision = #"{"status":"paid","reason":"r","commissions":["5-1"]}"#
        for (method, target, body) in [
            ("GET", "/api/v2/transactions/5", ""), ("GET", "/api/v2/transactions/5/commissions?explain=true", ""),
            ("GET", "/api/v2/affiliates/5/commissions?limit=3", ""), ("GET", "/api/v2/affiliates/5/totals", ""),
            ("GET", "/api/v2/rankings?metric=volume&limit=3", ""), ("POST", "/api/v2/transactions/5/reverse", reason),
            ("POST", "/api/v2/commissions/5-1/status", decision), ("POST", "/api/v2/commissions/status", decision),
        ] {
            let answer = try await gateway.send(method, target, body)
            #expect(answer == .init(status: 207, body: "{\"a\":1}", extra: ""), "\(target)")
        }
        let asked = gateway.services.state.withLock { $0.questions }
        #expect(asked.count == 8 && asked.count { $0.changesSomething } == 3)
        guard case .commissions(of: TransactionID(5), isExplaining: true) = asked[1],
            case .listing(CommissionListing(affiliate: AffiliateID(5), limit: 3)) = asked[2],
            case .ranking(.volume, limit: 3) = asked[4],
            case .reverse(TransactionID(5), reason: "r", let origin) = asked[5],
            case .decide(_, CommissionID(transaction: 5, ordinal: 1)) = asked[6]
        else {
            Issue.record("\(asked)")
            return
        }
        #expect(origin == ChangeOrigin(actor: "api", requestID: "test-request"))
        for (target, body, status) in [
            ("/api/v2/transactions/5/reverse", "{}", 422), ("/api/v2/commissions/5-1/status", "{", 400),
            ("/api/v2/commissions/status", "{\"status\":1}", 422),
            ("/api/v2/commissions/status", String(repeating: " ", count: 65_537), 413),
        ] { #expect(try await gateway.send("POST", target, body).status == status) }
        #expect(try await gateway.send("GET", "/api/v2/affiliates/5/commissions?limit=0").status == 400)
        #expect(try await gateway.send("GET", "/api/v2/transactions/5/reverse").status == 405)
        #expect(gateway.services.state.withLock { $0.questions.count } == 8)
        try await gateway.stop()
    }

    @Test("no answer by the deadline: nothing has happened to a read, and a change may be asked for again")
    func silence() async throws {
        let gateway = try await TestGateway([], deadlineMilliseconds: 60)
        gateway.services.state.withLock { $0.ledger = nil }
        #expect(try await gateway.send("GET", "/api/v2/transactions/5").status == 504)
        for (target, body, advice) in [
            ("/api/v2/transactions/5/reverse", #"{"reason":"r"}"#, "a transaction is reversed once"),
            ("/api/v2/commissions/5-1/status", #"{"reason":"r","status":"paid"}"#, "unchanged"),
        ] {
            let answer = try await gateway.send("POST", target, body)
            #expect(answer.status == 503 && answer.body.contains("outcome-unknown") && answer.body.contains(advice))
        }
        gateway.services.state.withLock { $0.ledger = .problem(.outcomeUnknown) }
        let lost = try await gateway.send("POST", "/api/v2/transactions/5/reverse", #"{"reason":"r"}"#)
        #expect(lost.status == 503 && lost.body.contains("a transaction is reversed once"))
        gateway.services.state.withLock {
            $0.ledger = .problem(.illegalTransition, field: "status", detail: "it is paid")
        }
        let refused = try await gateway.send("POST", "/api/v2/commissions/5-1/status", #"{"reason":"r","status":"pending"}"#)
        #expect(refused.status == 409 && refused.body.contains("\"detail\":\"it is paid\""))
        try await gateway.stop()
    }

    @Test("what went wrong in PostgreSQL is told by whether something may have been written")
    func failures() {
        func problem(_ code: PostgresError.Code, _ state: String? = nil, isChange: Bool) -> Problem {
            LedgerFailure.problem(of: PostgresError(code, "x", sqlState: state), isChange: isChange)
        }
        #expect(problem(.cannotConnect, isChange: true) == .databaseUnavailable)
        #expect(problem(.queueFull, isChange: true) == .overloaded)
        #expect(problem(.connectionLost, isChange: true) == .outcomeUnknown)
        #expect(problem(.connectionLost, isChange: false) == .databaseUnavailable)
        #expect(problem(.timedOut, isChange: true) == .outcomeUnknown)
        #expect(problem(.timedOut, "57014", isChange: true) == .databaseUnavailable)
        #expect(problem(.server, "53100", isChange: true) == .databaseUnavailable)
        #expect(problem(.server, "40P01", isChange: true) == .overloaded)
        #expect(problem(.server, "23514", isChange: true) == .internalError)
        #expect(LedgerFailure.problem(of: CancellationError(), isChange: true) == .internalError)
    }
}

@Suite("Rankings that are kept")
struct RankingShelfTests {
    private let lines = [LedgerRanking.Line(affiliate: 1, value: "2.00")]
    private let second: UInt64 = 1_000_000_000

    private func advice(_ shelf: inout RankingShelf, _ now: UInt64) -> (lines: [LedgerRanking.Line]?, mustRead: Bool) {
        let (advice, mustRead) = shelf.ask(.volume, now: now)
        if case .take(let lines) = advice { return (lines, mustRead) }
        return (nil, mustRead)
    }

    @Test("one reads for all that come, and what is kept is given until it is too old")
    func singleFlight() {
        var shelf = RankingShelf()
        var now: UInt64 = 100 * second
        #expect(advice(&shelf, now) == (nil, true))
        #expect(advice(&shelf, now) == (nil, false))
        shelf.finish(.volume, lines, now: now)
        #expect(advice(&shelf, now + 2 * second - 1) == (lines, false))
        // Old: given, and read anew by one.
        now += 2 * second
        #expect(advice(&shelf, now) == (lines, true))
        #expect(advice(&shelf, now + second) == (lines, false))
        // The other metric is another ranking.
        guard case (.wait, true) = shelf.ask(.commissions, now: now) else {
            Issue.record("the metrics share a ranking")
            return
        }
        // It could not be read: the next one tries, and in the end nobody is given what is too old.
        shelf.finish(.volume, nil, now: now)
        #expect(advice(&shelf, now + second) == (lines, true))
        #expect(advice(&shelf, now + 8 * second) == (nil, false))
        shelf.finish(.volume, [], now: now + 9 * second)
        #expect(advice(&shelf, now + 10 * second) == ([], false))
    }
}
