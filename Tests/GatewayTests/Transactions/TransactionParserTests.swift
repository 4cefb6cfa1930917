import Core
import Foundation
import Frames
import Testing

@testable import Gateway

/// A transaction with the fields that are required, and these beside or instead of them.
private func body(_ members: [String: String] = [:], without: String? = nil) -> String {
    var all = [
        "affiliate_id": "13369082", "type": "\"deposit\"", "amount": "\"123.45\"", "external_transaction_id": "\"dep-1\"",
    ]
    for (name, value) in members { all[name] = value }
    if let without { all[without] = nil }
    return "{" + all.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
}

private func order(_ text: String) throws -> TransactionOrder? { try parsed(text).orders[0] }
private func fault(_ text: String) throws -> TransactionFault? { try parsed(text).faults[0] }

@Suite("Bodies of transactions")
struct TransactionParserTests {
    @Test("a transaction with nothing but the required fields has the defaults")
    func smallest() throws {
        let (isBatch, orders, faults) = try parsed(body())
        #expect(!isBatch && faults == [nil])
        #expect(
            orders == [
                TransactionOrder(
                    shard: 7, sequence: 9, affiliate: AffiliateID(13_369_082), type: 0, amountMinor: 12_345, winningsMinor: 0,
                    eligibility: 2, dateMicroseconds: 0, currency: "BRL", externalID: "dep-1", metadata: nil)
            ])
    }

    @Test("a transaction with all fields carries them all, metadata as it came")
    func largest() throws {
        let text = #"""
            { "type" : "bet", "metadata": {"game": "é\u00e9", "n":[1.50, {"x":null}] }, "amount":"9999999999999.99",
              "winnings":"0.5", "currency":"USD", "date":"2026-01-31T12:00:00.25+03:00", "commission_eligible": false,
              "external_transaction_id":"\u0062et \"é\u20ac\ud83d\ude00", "affiliate_id":9223372036854775807, "more":{"type":[1]} }
            """#
        let read = try #require(try order(text))
        #expect(
            read
                == TransactionOrder(
                    shard: 7, sequence: 9, affiliate: AffiliateID(.max), type: 1, amountMinor: 999_999_999_999_999,
                    winningsMinor: 50,
                    eligibility: 0, dateMicroseconds: 1_769_850_000_250_000, currency: "USD", externalID: "bet \"é€😀",
                    metadata: #"{"game": "é\u00e9", "n":[1.50, {"x":null}] }"#))
    }

    @Test("null is the same as absence")
    func nulls() throws {
        let nulls = ["winnings", "currency", "date", "commission_eligible", "metadata"]
        #expect(try order(body(Dictionary(uniqueKeysWithValues: nulls.map { ($0, "null") }))) == order(body()))
        #expect(try fault(body(["amount": "null"])) == .amountMissing)
    }

    @Test("every fault of a field is told with that field, and refuses its own transaction only")
    func faults() throws {
        let long = String(repeating: "é", count: 129)
        let cases: [(String, TransactionFault)] = [
            (body(without: "affiliate_id"), .affiliateMissing), (body(["affiliate_id": "0"]), .affiliateMalformed),
            (body(["affiliate_id": "-1"]), .affiliateMalformed), (body(["affiliate_id": "1.0"]), .affiliateMalformed),
            (body(["affiliate_id": "\"1\""]), .affiliateMalformed),
            (body(["affiliate_id": "9223372036854775808"]), .affiliateMalformed),
            (body(without: "type"), .typeMissing), (body(["type": "\"DEPOSIT\""]), .typeUnknown),
            (body(["type": "1"]), .typeUnknown),
            (body(without: "amount"), .amountMissing), (body(["amount": "123.45"]), .amountNotText),
            (body(["amount": "5"]), .amountNotText),
            (body(["amount": "[]"]), .amountNotText), (body(["amount": "\"\""]), .amountNotDecimal),
            (body(["amount": "\"-1\""]), .amountNotDecimal), (body(["amount": "\"1e2\""]), .amountNotDecimal),
            (body(["amount": "\" 1\""]), .amountNotDecimal), (body(["amount": "\"1,00\""]), .amountNotDecimal),
            (body(["amount": "\"1.234\""]), .amountTooPrecise), (body(["amount": "\"10000000000000\""]), .amountTooLarge),
            (body(["amount": "\"0.00\""]), .amountNotPositive),
            (body(["type": "\"bet\"", "winnings": "1"]), .winningsNotText),
            (body(["type": "\"bet\"", "winnings": "\"-1\""]), .winningsNotDecimal),
            (body(["type": "\"bet\"", "winnings": "\"0.001\""]), .winningsTooPrecise),
            (body(["type": "\"bet\"", "winnings": "\"99999999999999\""]), .winningsTooLarge),
            (body(["winnings": "\"1.00\""]), .winningsOfOtherType),
            (body(["currency": "\"brl\""]), .currencyMalformed), (body(["currency": "\"BRLX\""]), .currencyMalformed),
            (body(["currency": "986"]), .currencyMalformed), (body(["date": "\"yesterday\""]), .dateMalformed),
            (body(["date": "1769850000"]), .dateMalformed), (body(["date": "\"1970-01-01T00:00:00Z\""]), .dateTooEarly),
            (body(without: "external_transaction_id"), .externalIDMissing),
            (body(["external_transaction_id": "\"\""]), .externalIDLength),
            (body(["external_transaction_id": "\"\(long)\""]), .externalIDLength),
            (body(["external_transaction_id": "12"]), .externalIDLength),
            (body(["external_transaction_id": #""a\u0000""#]), .externalIDControlCharacter),
            (body(["external_transaction_id": #""a\n""#]), .externalIDControlCharacter),
            (body(["external_transaction_id": "\"\u{7f}\""]), .externalIDControlCharacter),
            (body(["commission_eligible": "1"]), .eligibilityMalformed), (body(["metadata": "[]"]), .metadataNotObject),
            (body(["metadata": "\"{}\""]), .metadataNotObject),
            (body(["metadata": "{\"a\":\"\(String(repeating: "x", count: 4089))\"}"]), .metadataTooLarge),
            (body(["metadata": #"{"a":["\u0000"]}"#]), .metadataNUL), (body(["metadata": #"{"\u0000":1}"#]), .metadataNUL),
            (body(["metadata": "{\"a\":1e309}"]), .metadataNumber),
            (body(["metadata": "{\"a\":1E-99999999999}"]), .metadataNumber),
            (body(["metadata": "{\"a\":\(String(repeating: "1", count: 65))}"]), .metadataNumber),
        ]
        for (text, fault) in cases {
            #expect(try parsed("[\(body()),\(text),\(body())]").faults == [nil, fault, nil], "\(text)")
        }
        #expect(Set(cases.map(\.1)) == Set(TransactionFault.allCases), "every fault is met")
        for fault in TransactionFault.allCases { #expect("\(fault.detail)".contains("\(fault.field)")) }
    }

    @Test("the longest allowed texts are taken")
    func longest() throws {
        let id = String(repeating: "é", count: 128)
        #expect(try order(body(["external_transaction_id": "\"\(id)\""]))?.externalID == id)
        let metadata = "{\"a\":\"\(String(repeating: "x", count: 4088))\"}"
        #expect(try order(body(["metadata": metadata]))?.metadata == metadata)
        #expect(try fault(body(["winnings": "\"0.00\""])) == nil)
        #expect(try fault(body(["metadata": "{\"a\":-1.5e-308}"])) == nil)
    }

    @Test("objects come alone, in an array, or one a line")
    func forms() throws {
        let one = body()
        for text in ["[\(one)]", " [ \(one) , \(one) ] ", "[\(one),\n\(one)]"] {
            let (isBatch, orders, _) = try parsed(text)
            #expect(isBatch && orders.allSatisfy { $0 != nil })
        }
        for (text, count) in [
            ("\(one)\n\(one)", 2), ("\(one)\r\n\r\n \(one)\n", 2), ("{\n}\n\(one)\n\n", 2), ("\n\(one)\n\(one)\n\(one)", 3),
        ] {
            for form in [TransactionParser.Form.json, .lines] {
                let (isBatch, orders, _) = try parsed(text, as: form)
                #expect(isBatch && orders.count == count, "\(text)")
            }
        }
        #expect(try parsed("\(one)\n").isBatch == false)
        let (isBatch, orders, _) = try parsed("\(one)\n", as: .lines)
        #expect(isBatch && orders.count == 1)
    }

    @Test("a body that is no list of objects is refused whole")
    func malformed() throws {
        let one = body()
        for text in [
            "", " ", "[]", "null", "1", "\"a\"", "[1]", "[\(one),[]]", "\(one)\(one)", "\(one) \(one)", "\(one),\(one)",
            "[\(one)] x",
            "[\(one)]\n\(one)", "\(one)\n1", "{\"a\":1,\"a\":2}", "{\"amount\":\"1\",\"amount\":\"2\"}", "{\"a\":\"\u{1}\"}",
            String(one.dropLast()), "[\(one)", "\(one)\n{",
        ] {
            #expect(throws: TransactionBodyError.self, "\(text)") { try parsed(text) }
        }
        #expect(throws: TransactionBodyError.self) { try parsed("[\(one)]", as: .lines) }
        #expect(throws: TransactionBodyError.self) { try parsed(Array("{\"a\":\"".utf8) + [0xff] + Array("\"}".utf8)) }
    }

    @Test("a request holds a thousand transactions and no more")
    func limit() throws {
        let one = body()
        let most = Array(repeating: one, count: TransactionOrder.countMax)
        #expect(try parsed("[\(most.joined(separator: ","))]").orders.count == 1000)
        #expect(try parsed(most.joined(separator: "\n")).orders.count == 1000)
        #expect(throws: TransactionBodyError.tooMany) { try parsed("[\((most + [one]).joined(separator: ","))]") }
        #expect(throws: TransactionBodyError.tooMany) { try parsed((most + [one]).joined(separator: "\n")) }
    }

    @Test("what is read equals what Foundation reads, for random transactions")
    func oracle() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let objects = (0..<Int.random(in: 1...20, using: &generator)).map { _ in randomTransaction(&generator) }
            let data = try JSONSerialization.data(withJSONObject: objects)
            let orders = try parsed(Array(data)).orders
            #expect(orders.count == objects.count)
            for (order, object) in zip(orders, objects) {
                let order = try #require(order)
                #expect(NSNumber(value: order.affiliate.rawValue) == object["affiliate_id"] as? NSNumber)
                #expect(TransactionType(rawValue: order.type).map { "\($0.name)" } == object["type"] as? String)
                let amount = NSDecimalNumber(string: object["amount"] as? String)
                #expect(NSDecimalNumber(mantissa: UInt64(order.amountMinor), exponent: -2, isNegative: false) == amount)
                #expect(order.externalID == object["external_transaction_id"] as? String)
                #expect(order.eligibility == (object["commission_eligible"] as? Bool).map { $0 ? 1 : 0 } ?? 2)
                #expect(try order.metadata.map(sorted) == (object["metadata"] as? [String: Any]).map(sorted))
            }
        }
    }

    private func sorted(_ json: String) throws -> Data {
        try sorted(JSONSerialization.jsonObject(with: Data(json.utf8)))
    }

    private func sorted(_ object: Any) throws -> Data {
        try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    }

    private func randomTransaction(_ generator: inout SystemRandomNumberGenerator) -> [String: Any] {
        let characters = ["a", "Z", "é", "\"", "\\", "/", "€", "😀", " "]
        let text = (0..<Int.random(in: 1...40, using: &generator)).map { _ in characters.randomElement(using: &generator) ?? "" }
        let minor = Int64.random(in: 1...999_999_999_999_999, using: &generator)
        var object: [String: Any] = [
            "affiliate_id": NSNumber(value: Int64.random(in: 1...(.max), using: &generator)),
            "type": "\((TransactionType.allCases.randomElement(using: &generator) ?? .bet).name)",
            "amount": "\(Money(minorUnits: minor))", "external_transaction_id": text.joined(),
        ]
        if Bool.random(using: &generator) { object["commission_eligible"] = Bool.random(using: &generator) }
        if Bool.random(using: &generator) {
            object["metadata"] = ["k\(minor % 7)": [text.joined(), minor, NSNull()], "x": ["y": 1.5]] as [String: Any]
        }
        return object
    }
}
