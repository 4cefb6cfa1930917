import Core
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

private func join(_ text: String) throws(BodyError) {
    _ = try withBytes(text) { bytes throws(BodyError) in try ChangeBodies.join(bytes, origin: origin, nowMicroseconds: 42) }
}

/// The field an error names, "-" for the whole body, "none" without an error.
private func blame(_ body: () throws(BodyError) -> Void) -> String {
    do throws(BodyError) { try body() } catch {
        #expect(!error.detail.isEmpty)
        return error.field ?? "-"
    }
    return "none"
}

@Suite("Bodies of changes")
struct ChangeBodiesTests {
    @Test("a join with nothing but the required fields has the defaults")
    func smallestJoin() throws {
        let order = try withBytes(#"{"external_id":"e","name":"n"}"#) { bytes throws(BodyError) in
            try ChangeBodies.join(bytes, origin: origin, nowMicroseconds: 42)
        }
        #expect(order.affiliate == nil && order.parent == nil && order.status == .active && order.sequence == 0)
        #expect(order.profile == AffiliateProfile(externalID: "e", name: "n", registrationMicroseconds: 42))
    }

    @Test("a join with all fields carries them all")
    func largestJoin() throws {
        let text = #"""
            {"affiliate_id":9223372036854775807,"parent_affiliate_id":1,"external_id":"e","referral_code":"R","name":"é💡","email":"m",
            "phone":"p","document":"d","category":"c","status":"banned","registration_date":"1970-01-01T00:00:01Z","unknown":[1]}
            """#
        let order = try withBytes(text) { bytes throws(BodyError) in
            try ChangeBodies.join(bytes, origin: origin, nowMicroseconds: 42)
        }
        #expect(order.affiliate == AffiliateID(.max) && order.parent == AffiliateID(1) && order.status == .banned)
        #expect(
            order.profile
                == AffiliateProfile(
                    externalID: "e", referralCode: "R", name: "é💡", email: "m", phone: "p", document: "d", category: "c",
                    registrationMicroseconds: 1_000_000))
    }

    @Test(
        "a wrong field of a join is named",
        arguments: [
            ("affiliate_id", "0"), ("affiliate_id", "-1"), ("affiliate_id", "1.5"), ("affiliate_id", "\"1\""),
            ("affiliate_id", "9223372036854775808"), ("affiliate_id", "true"), ("parent_affiliate_id", "0"),
            ("parent_affiliate_id", "[]"), ("external_id", "\"\""), ("external_id", "1"), ("external_id", "null"),
            ("external_id", "\"a\\u0000\""), ("referral_code", "\"123456789012345678901\""), ("name", "\"\""), ("name", "{}"),
            ("name", "\"a\\nb\""), ("email", "\"\\u007f\""), ("phone", "\"\""), ("document", "\"\""), ("category", "\"\""),
            ("status", "\"Active\""), ("status", "1"), ("registration_date", "\"yesterday\""), ("registration_date", "0"),
        ])
    func wrongFields(field: String, value: String) {
        var fields = ["external_id": "\"e\"", "name": "\"n\""]
        fields[field] = value
        let text = "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
        #expect(blame { () throws(BodyError) in try join(text) } == field, "\(text)")
    }

    @Test("a missing field is named")
    func missingFields() {
        #expect(blame { () throws(BodyError) in try join(#"{"name":"n"}"#) } == "external_id")
        #expect(blame { () throws(BodyError) in try join(#"{"external_id":"e"}"#) } == "name")
        #expect(blame { () throws(BodyError) in _ = try withBytes("{}", ChangeBodies.statusChange) } == "status")
        #expect(blame { () throws(BodyError) in _ = try withBytes("{}", ChangeBodies.move) } == "new_parent_affiliate_id")
        #expect(
            blame { () throws(BodyError) in _ = try withBytes(#"{"new_parent_affiliate_id":null}"#, ChangeBodies.move) }
                == "reason")
        #expect(
            blame { () throws(BodyError) in
                _ = try withBytes(#"{"new_parent_affiliate_id":-3,"reason":"r"}"#, ChangeBodies.move)
            } == "new_parent_affiliate_id")
    }

    @Test(
        "what is not one JSON object is refused as a whole",
        arguments: [
            "", " ", "null", "[]", "1", "\"a\"", "{", "{}x", "{\"name\":}", "\u{1}", "{'a':1}",
            String(repeating: "[", count: 60_000),
        ])
    func noObject(text: String) { #expect(blame { () throws(BodyError) in try join(text) } == "-") }

    @Test("bytes that are no UTF-8 are refused")
    func brokenUTF8() {
        let bytes: [UInt8] = Array(#"{"external_id":"e","name":""#.utf8) + [0xc3, 0x28] + Array(#""}"#.utf8)
        bytes.withUnsafeBytes { raw in
            #expect(
                blame { () throws(BodyError) in _ = try ChangeBodies.join(raw, origin: origin, nowMicroseconds: 0) } != "none")
        }
    }

    @Test("texts at their longest are taken, one character more is not")
    func lengths() {
        let limits = [
            ("external_id", AffiliateProfile.externalIDCharactersMax),
            ("referral_code", AffiliateProfile.referralCodeCharactersMax),
            ("name", AffiliateProfile.nameCharactersMax), ("email", AffiliateProfile.contactCharactersMax),
            ("category", AffiliateProfile.categoryCharactersMax),
        ]
        for (field, limit) in limits {
            for extra in 0...1 {
                var fields = ["external_id": "e", "name": "n"]
                fields[field] = String(repeating: "é", count: limit + extra)
                let text = "{" + fields.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}"
                #expect(blame { () throws(BodyError) in try join(text) } == (extra == 0 ? "none" : field))
            }
        }
    }

    @Test("a body over the limit is refused before it is read")
    func tooLong() {
        let text = #"{"external_id":"e","name":"n"}"# + String(repeating: " ", count: ChangeBodies.bytesMax)
        #expect(blame { () throws(BodyError) in try join(text) } == "-")
    }

    @Test("a move to no sponsor, and a status, are read")
    func others() throws {
        let move = try withBytes(#"{"new_parent_affiliate_id":null,"reason":"r"}"#, ChangeBodies.move)
        #expect(move.newParent == nil && move.reason == "r")
        #expect(try withBytes(#"{"status":"suspended"}"#, ChangeBodies.statusChange) == .suspended)
    }
}
