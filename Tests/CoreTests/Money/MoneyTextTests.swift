import Core
import Testing

private func refusal(_ text: String, allowingMinus: Bool = false) -> MoneyError.Code? {
    do {
        _ = try Money.parse(text, allowingMinus: allowingMinus)
        return nil
    } catch {
        return error.code
    }
}

@Suite("Amounts as text")
struct MoneyTextTests {
    @Test(
        "an amount is read exactly",
        arguments: [
            ("123.45", 12_345), ("5", 500), ("0.5", 50), ("0.05", 5), ("0", 0), ("0.00", 0), ("007.10", 710),
            ("9999999999999.99", 999_999_999_999_999), ("00000000000000000000000000000001", 100),
        ] as [(String, Int64)])
    func reads(text: String, minorUnits: Int64) throws {
        #expect(try Money.parse(text).minorUnits == minorUnits)
        var bytes = Array(text.utf8)
        #expect(try bytes.withUnsafeMutableBytes { try Money.parse(UnsafeRawBufferPointer($0)) }.minorUnits == minorUnits)
    }

    @Test(
        "what is not an exact amount is refused and says why",
        arguments: [
            ("", .empty), (".", .notDecimal), (".5", .notDecimal), ("5.", .notDecimal), ("1.2.3", .notDecimal),
            ("1..2", .notDecimal),
            ("-5", .notDecimal), ("+5", .notDecimal), ("--5", .notDecimal), ("1e2", .notDecimal), ("1E2", .notDecimal),
            (" 5", .notDecimal),
            ("5 ", .notDecimal), ("1,50", .notDecimal), ("1_000", .notDecimal), ("NaN", .notDecimal), ("inf", .notDecimal),
            ("0x10", .notDecimal),
            ("٥", .notDecimal), ("5\t", .notDecimal), ("1.234x", .notDecimal), ("99999999999999999999999x", .notDecimal),
            ("1.234", .tooManyDecimals), ("1.000", .tooManyDecimals), ("0.001", .tooManyDecimals),
            ("10000000000000", .tooLarge), ("10000000000000.00", .tooLarge),
            ("99999999999999999999999999999999999999.99", .tooLarge),
            ("9223372036854775808", .tooLarge), ("92233720368547758.08", .tooLarge),
        ] as [(String, MoneyError.Code)])
    func refuses(text: String, code: MoneyError.Code) { #expect(refusal(text) == code) }

    @Test("a minus is read only where one is allowed, and a plus nowhere")
    func minus() throws {
        #expect(try Money.parse("-0.05", allowingMinus: true).minorUnits == -5)
        #expect(try Money.parse("-9999999999999.99", allowingMinus: true) == -Money.max)
        #expect(try Money.parse("-0", allowingMinus: true) == .zero)
        for text in ["-", "--1", "+1", "-+1", "- 1", "-.5"] { #expect(refusal(text, allowingMinus: true) != nil, "\(text)") }
    }

    @Test("an amount is written with two decimals and read back, at random and at both ends of 64 bits")
    func roundTrip() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let amount = Money(minorUnits: Int64.random(in: -Money.max.minorUnits...Money.max.minorUnits, using: &random))
            #expect(try Money.parse("\(amount)", allowingMinus: true) == amount)
        }
        let builder = ByteBuilder()
        for (minorUnits, wanted) in [
            (0, "0.00"), (5, "0.05"), (-5, "-0.05"), (50, "0.50"), (12_345, "123.45"), (-100, "-1.00"),
            (.max, "92233720368547758.07"), (.min, "-92233720368547758.08"),
        ] as [(Int64, String)] {
            builder.removeAll()
            builder.append(Money(minorUnits: minorUnits))
            #expect(String(decoding: builder.bytes, as: UTF8.self) == wanted)
            #expect("\(Money(minorUnits: minorUnits))" == wanted)
        }
    }

    @Test("a currency is three capital letters")
    func currency() {
        #expect(Currency("BRL") == .brl)
        #expect(Currency("USD").map { "\($0)" } == "USD")
        for text in ["", "BR", "BRLX", "brl", "BR1", "ÄBC", "R$ "] { #expect(Currency(text) == nil, "\(text)") }
        let builder = ByteBuilder()
        builder.append(.brl as Currency)
        #expect(String(decoding: builder.bytes, as: UTF8.self) == "BRL")
    }

    @Test("every transaction type and rounding is read back from its own name")
    func names() {
        for type in TransactionType.allCases { #expect(TransactionType(name: "\(type.name)") == type) }
        for rounding in Rounding.allCases { #expect(Rounding(name: "\(rounding.name)") == rounding) }
        #expect(TransactionType(name: "Deposit") == nil && Rounding(name: "up") == nil)
        #expect(TransactionType.allCases.filter(\.isCommissionEligibleByDefault) == [.deposit, .bet])
    }
}
