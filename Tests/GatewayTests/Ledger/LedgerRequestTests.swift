import Core
import HTTP2
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

    @Test("a change is asked for only while there is room for the answer it may get")
    func answerRoom() async throws {
        let gateway = try await TestGateway([], deadlineMilliseconds: 200)
        gateway.services.state.withLock { $0.ledger = nil }
        func body(_ count: Int) -> String {
            "{\"status\":\"paid\",\"reason\":\"r\",\"commissions\":[\((1...count).map { "\"\($0)-1\"" }.joined(separator: ","))]}"
        }
        func due() async throws -> Int { try await gateway.read { $0.ledgerAnswerBytesDue } }
        func send(_ target: String, _ body: String) async throws -> TestGateway.Answer {
            let first = gateway.services.state.withLock { $0.questions.count }
            async let answer = gateway.send("POST", target, body)
            while gateway.services.state.withLock({ $0.questions.count }) == first { try await Task.sleep(for: .milliseconds(1)) }
            let reserved = try await due()
            #expect(reserved >= 256)
            let status = try await answer.status
            #expect(status == 503)
            #expect(try await due() == 0)
            return try await answer
        }
        _ = try await send("/api/v2/commissions/status", body(1000))
        // All but 300 KB of the room is promised to others.
        try await gateway.loop.eventLoop.submit { [loop = gateway.loop] in
            loop.transactionAnswerBytesDue = RequestSlab.answerBytesHeldMax - 300_000
        }.get()
        let refused = try await gateway.send("POST", "/api/v2/commissions/status", body(1000))
        #expect(refused.status == 503 && refused.body.contains("overloaded"))
        #expect(gateway.services.state.withLock { $0.questions.count } == 1)
        #expect(try await due() == 0)
        _ = try await send("/api/v2/commissions/status", body(500))
        _ = try await send("/api/v2/transactions/5/reverse", #"{"reason":"r"}"#)
        _ = try await send("/api/v2/commissions/5-1/status", #"{"reason":"r","status":"paid"}"#)
        // What is read has no right to that room either.
        gateway.services.state.withLock { $0.ledger = .body(status: 200, [UInt8](repeating: 32, count: 300_001)) }
        #expect(try await gateway.send("GET", "/api/v2/transactions/5").body.contains("overloaded"))
        try await gateway.stop()
    }

    @Test("the longest answers fit into the room that is kept for them")
    func answerSizes() {
        func size(_ write: (ByteBuilder) -> Void) -> Int {
            let body = ByteBuilder()
            write(body)
            return body.count
        }
        var longest = 0
        for outcome in [CommissionDecisions.Outcome.changed, .unchanged, .illegal, .reversed, .unknown] {
            let result = CommissionDecisions.Result(
                id: CommissionID(transaction: .max, ordinal: .min), outcome: outcome, previous: .cancelled,
                amount: "-9999999999999.99", operation: .max)
            longest = max(longest, size { $0.append(result, to: .cancelled) })
            let many = [CommissionDecisions.Result](repeating: result, count: 1000)
            let ids = many.map(\.id)
            let decision = CommissionDecisions.Decision(status: .cancelled, reason: "r", origin: ChangeOrigin(actor: "a"))
            #expect(size { $0.append(many, to: .cancelled) } <= LedgerQuestion.decideMany(decision, ids).answerBytesMax)
        }
        #expect(longest < LedgerQuestion.resultBytesMax)
        var sum = DecisionSum()
        sum.operations = [Int64](repeating: .max, count: LedgerWork.operationsMax)
        sum.changed = .max
        sum.unchanged = .max
        sum.refused = .max
        sum.amount.add("-99999999999999999999999.99")
        sum.next = .init(createdAt: .max, id: CommissionID(transaction: .max, ordinal: .min))
        let filter = CommissionDecisions.Filter(beneficiary: AffiliateID(.max), status: .disputed, from: .max, to: .max)
        #expect(
            size { $0.append(sum, about: DecisionQuestion(status: .cancelled, filter: filter)) } <= LedgerQuestion.sumBytesMax)
    }

    @Test("a statement has the usual time, or what is left of the caller's")
    func patience() {
        #expect(LedgerWork.patience(until: 10_000_000_000, now: 1) == LedgerWork.patienceMilliseconds)
        #expect(LedgerWork.patience(until: 300_000_000, now: 100_000_000) == 201)
        #expect(LedgerWork.patience(until: 1, now: 2) == 1)
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
        #expect(problem(.cancelled, "57014", isChange: false) == .databaseUnavailable)
        for code in [PostgresError.Code.timedOut, .cancelled] {
            let error = PostgresError(code, "x", sqlState: "57014")
            #expect(LedgerFailure.problem(of: error, isChange: false, isCounting: true) == .tooMuchToCount)
            let silence = PostgresError(code, "x")
            #expect(LedgerFailure.problem(of: silence, isChange: false, isCounting: true) == .databaseUnavailable)
        }
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
