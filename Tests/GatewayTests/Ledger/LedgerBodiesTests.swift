import Core
import Store
import Testing

@testable import Gateway

private let origin = ChangeOrigin(actor: "test")

private func withBytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws(BodyError) -> R) throws(BodyError) -> R {
    let bytes = Array(text.utf8)
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(copy))
}

private func decisions(_ text: String) throws(BodyError) -> LedgerQuestion {
    try withBytes(text) { bytes throws(BodyError) in try LedgerBodies.decisions(bytes, origin: origin) }
}

/// The field an error names, "-" for the whole body, "none" without an error.
private func blame(_ text: String) -> String {
    do throws(BodyError) { _ = try decisions(text) } catch {
        #expect(!error.detail.isEmpty)
        return error.field ?? "-"
    }
    return "none"
}

@Suite("Bodies of reversals and decisions")
struct LedgerBodiesTests {
    @Test("a reversal has a reason")
    func reversal() throws {
        func reason(_ text: String) throws(BodyError) -> String {
            try withBytes(text) { bytes throws(BodyError) in try LedgerBodies.reversal(bytes, origin: origin).reason }
        }
        #expect(try reason(#"{"reason":"fraud","x":1}"#) == "fraud")
        for text in [
            #"{}"#, #"{"reason":""}"#, #"{"reason":1}"#, #"{"reason":"a\u0000"}"#, "[]", "", #"{"reason":"a"}{}"#,
            #"{"reason":"a","reason":"b"}"#, #"{"reason":"a","x":{"y":1,"y":2}}"#,
        ] {
            #expect(throws: BodyError.self) { try reason(text) }
        }
    }

    @Test("who asks is added to the origin, if it is told")
    func actor() throws {
        func actor(_ text: String) throws(BodyError) -> String {
            try withBytes(text) { bytes throws(BodyError) in try LedgerBodies.reversal(bytes, origin: origin).origin.actor }
        }
        #expect(try actor(#"{"reason":"r"}"#) == "test" && actor(#"{"reason":"r","actor":null}"#) == "test")
        #expect(try actor(#"{"reason":"r","actor":"ana"}"#) == "test:ana")
        let longest = String(repeating: "é", count: 100)
        #expect(try actor(#"{"reason":"r","actor":"\#(longest)"}"#) == "test:\(longest)")
        for wrong in [#""""#, "1", #""a\n""#, "\"\(longest)e\""] {
            #expect(throws: BodyError.self) { try actor(#"{"reason":"r","actor":\#(wrong)}"#) }
            #expect(blame(#"{"status":"paid","reason":"r","commissions":["1-1"],"actor":\#(wrong)}"#) == "actor")
        }
        let one = try withBytes(#"{"status":"paid","reason":"r","actor":"bo"}"#) { bytes throws(BodyError) in
            try LedgerBodies.decision(bytes, origin: ChangeOrigin(actor: "api", requestID: "1"))
        }
        #expect(one.origin == ChangeOrigin(actor: "api:bo", requestID: "1"))
    }

    @Test("a decision about many names them, or a filter")
    func many() throws {
        guard
            case .decideMany(let decision, let ids) = try decisions(
                #"{"status":"approved","reason":"month end","commissions":["1000-1","1000--2001"]}"#)
        else {
            Issue.record("not by ids")
            return
        }
        #expect(decision.status == .approved && decision.reason == "month end" && decision.origin == origin)
        #expect(ids == [CommissionID(transaction: 1000, ordinal: 1), CommissionID(transaction: 1000, ordinal: -2001)])
        guard
            case .decideWhere(_, let filter, let position) = try decisions(
                #"{"status":"paid","reason":"r","filter":{"affiliate_id":7,"status":"approved","from":"2026-01-01","to":"2026-02-01T00:00:00Z"}}"#
            )
        else {
            Issue.record("not by filter")
            return
        }
        #expect(
            filter
                == .init(
                    beneficiary: AffiliateID(7), status: .approved, from: 1_767_225_600_000_000, to: 1_769_904_000_000_000))
        #expect(position == nil)
    }

    @Test("a decision by filter goes on by its cursor, and by no other")
    func cursor() throws {
        func position(_ cursor: String, status: String = "paid", filter: String) throws(BodyError) -> CommissionDecisions
            .Position?
        {
            let text = #"{"status":"\#(status)","reason":"r","filter":{\#(filter)},"cursor":"\#(cursor)"}"#
            guard case .decideWhere(_, _, let position) = try decisions(text) else { return nil }
            return position
        }
        let given = CommissionDecisions.Position(createdAt: 5, id: CommissionID(transaction: 1000, ordinal: -1))
        let filters: [(String, CommissionDecisions.Filter)] = [
            (#""affiliate_id":7"#, .init(beneficiary: AffiliateID(7))), (#""status":"approved""#, .init(status: .approved)),
            (#""from":"1970-01-02""#, .init(from: 86_400_000_000)), (#""to":"1970-01-02""#, .init(to: 86_400_000_000)),
        ]
        for (text, filter) in filters {
            let cursor = DecisionQuestion(status: .paid, filter: filter).text(of: given)
            #expect(try position(cursor, filter: text) == given)
            #expect(throws: BodyError.self) { try position(cursor, status: "cancelled", filter: text) }
            for other in filters where other.0 != text {
                #expect(throws: BodyError.self) { try position(cursor, filter: other.0) }
            }
            let listing = CommissionListing(affiliate: AffiliateID(7))
            let foreign = listing.text(of: CommissionCursor(createdAt: 5, id: given.id, count: 1, amount: "1.00"))
            #expect(throws: BodyError.self) { try position(foreign, filter: text) }
        }
    }

    @Test("sums of committed amounts have room for all there can be")
    func sums() {
        var sum = AmountSum()
        #expect(sum.text == "0.00")
        sum.add("-0.05")
        #expect(sum.text == "-0.05")
        sum.add("5.06")
        #expect(sum.text == "5.01")
        for _ in 0..<1000 { sum.add("999999999999999999.99") }
        #expect(sum.text == "999999999999999999995.01")
    }

    @Test(
        "what is wrong names its field",
        arguments: [
            ("", "-"), ("[]", "-"), (#"{"reason":"r","commissions":["1-1"]}"#, "status"),
            (#"{"status":"done","reason":"r","commissions":["1-1"]}"#, "status"),
            (#"{"status":"paid","commissions":["1-1"]}"#, "reason"), (#"{"status":"paid","reason":"r"}"#, "commissions"),
            (#"{"status":"paid","reason":"r","commissions":[]}"#, "commissions"),
            (#"{"status":"paid","reason":"r","commissions":["1"]}"#, "commissions"),
            (#"{"status":"paid","reason":"r","commissions":[1]}"#, "commissions"),
            (#"{"status":"paid","reason":"r","commissions":["1-1"],"filter":{"status":"paid"}}"#, "commissions"),
            (#"{"status":"paid","reason":"r","filter":{}}"#, "filter"), (#"{"status":"paid","reason":"r","filter":1}"#, "filter"),
            (#"{"status":"paid","reason":"r","filter":{"status":"x"}}"#, "filter.status"),
            (#"{"status":"paid","reason":"r","filter":{"affiliate_id":0}}"#, "filter.affiliate_id"),
            (#"{"status":"paid","reason":"r","filter":{"from":"x"}}"#, "filter.from"),
            (#"{"status":"paid","reason":"r","filter":{"to":"x"}}"#, "filter.to"),
            (#"{"status":"paid","reason":"r","filter":{"affiliate_id":1.5}}"#, "filter.affiliate_id"),
            (#"{"status":"paid","reason":"r","filter":{"status":"paid","status":"paid"}}"#, "-"),
            (#"{"status":"paid","status":"paid","reason":"r","commissions":["1-1"]}"#, "-"),
            (#"{"status":"paid","reason":"r","commissions":["1-1"]} x"#, "-"),
            (#"{"status":"paid","reason":"r","commissions":["1-1",null]}"#, "commissions"),
            (#"{"status":"paid","reason":"r","filter":{"status":"paid"},"cursor":"x"}"#, "cursor"),
            (#"{"status":"paid","reason":"r","filter":{"status":"paid"},"cursor":"1_1-1_1"}"#, "cursor"),
        ])
    func wrong(text: String, field: String) { #expect(blame(text) == field) }

    @Test("a thousand ids are taken and one more is not")
    func limit() {
        func body(_ count: Int) -> String {
            "{\"status\":\"paid\",\"reason\":\"r\",\"commissions\":[\((1...count).map { "\"\($0)-1\"" }.joined(separator: ","))]}"
        }
        #expect(blame(body(1000)) == "none")
        #expect(blame(body(1001)) == "commissions")
    }
}
