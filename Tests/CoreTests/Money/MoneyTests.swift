import Core
import Testing

private func rate(_ tenThousandths: Int) throws -> Rate { try #require(Rate(tenThousandths: tenThousandths)) }

private func refusal(_ text: String) -> MoneyError.Code? {
    do {
        _ = try Rate.parse(text)
        return nil
    } catch {
        return error.code
    }
}

@Suite("Amounts, rates and rounding")
struct MoneyTests {
    @Test(
        "a rate is read as a percentage or as a fraction of 1",
        arguments: [
            ("5%", 500), ("0.5%", 50), ("5.25%", 525), ("0.01%", 1), ("100%", 10_000), ("0%", 0), ("0.05", 500), ("0.0525", 525),
            ("0.0001", 1), ("1", 10_000), ("1.0000", 10_000), ("0", 0),
        ])
    func reads(text: String, tenThousandths: Int) throws {
        let read = try Rate.parse(text)
        #expect(Int(read.tenThousandths) == tenThousandths)
        #expect(try Rate.parse("\(read)") == read)
        let builder = ByteBuilder()
        builder.append(read)
        #expect(try Rate.parse(builder.bytes) == read)
        #expect(builder.count == 6)
    }

    @Test(
        "what is not a rate from 0 to 100% is refused and says why",
        arguments: [
            ("", .empty), ("%", .empty), ("-5%", .notDecimal), ("+5%", .notDecimal), ("5%%", .notDecimal), ("5 %", .notDecimal),
            ("five", .notDecimal), ("5e-2", .notDecimal), (".05", .notDecimal), ("0.005%", .tooManyDecimals),
            ("0.00005", .tooManyDecimals),
            ("100.01%", .tooLarge), ("5", .tooLarge), ("1.0001", .tooLarge), ("99999999999999999999999%", .tooLarge),
        ] as [(String, MoneyError.Code)])
    func refuses(text: String, code: MoneyError.Code) { #expect(refusal(text) == code) }

    @Test("every rate there is comes back from its text, and none outside 0 to 10,000 is made")
    func everyRate() throws {
        for value in 0...10_000 { #expect(try Rate.parse("\(try rate(value))") == rate(value)) }
        for value in [-1, 10_001, Int.max, Int.min] { #expect(Rate(tenThousandths: value) == nil) }
    }

    @Test(
        "a share is rounded once, and one half goes where the rounding says",
        arguments: [
            (645, 3_000, 194, 194), (500, 290, 15, 14), (99, 50, 0, 0), (100, 50, 1, 0), (300, 50, 2, 2), (1, 5_000, 1, 0),
            (3, 5_000, 2, 2), (-1, 5_000, -1, 0), (-645, 3_000, -194, -194), (-500, 290, -15, -14), (0, 10_000, 0, 0),
            (100, 10_000, 100, 100), (500, 289, 14, 14), (500, 291, 15, 15),
            (999_999_999_999_999, 10_000, 999_999_999_999_999, 999_999_999_999_999),
            (999_999_999_999_999, 9_999, 999_899_999_999_999, 999_899_999_999_999),
            (999_999_999_999_999, 5_000, 500_000_000_000_000, 500_000_000_000_000),
            (999_999_999_999_997, 5_000, 499_999_999_999_999, 499_999_999_999_998),
            (.max, 10_000, .max, .max), (.min, 10_000, .min, .min),
        ] as [(Int64, Int, Int64, Int64)])
    func shares(minorUnits: Int64, tenThousandths: Int, away: Int64, even: Int64) throws {
        let amount = Money(minorUnits: minorUnits)
        #expect(Money.share(of: amount, rate: try rate(tenThousandths), rounding: .halfAwayFromZero).minorUnits == away)
        #expect(Money.share(of: amount, rate: try rate(tenThousandths), rounding: .halfEven).minorUnits == even)
    }

    @Test("a share is within half a minor unit of the exact product, for either rounding and either sign")
    func withinHalf() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<50_000 {
            let amount = Money(
                minorUnits: Int64.random(in: Int64.min...Int64.max, using: &random) >> Int64.random(in: 0...60, using: &random))
            let share = try rate(Int.random(in: 0...10_000, using: &random))
            for rounding in Rounding.allCases {
                let rounded = Money.share(of: amount, rate: share, rounding: rounding)
                let exact = Int128(amount.minorUnits) * Int128(share.tenThousandths)
                let distance = (Int128(rounded.minorUnits) * 10_000 - exact).magnitude
                #expect(distance <= 5_000, "\(amount) × \(share)")
                if distance == 5_000, rounding == .halfEven { #expect(rounded.minorUnits % 2 == 0) }
                if distance == 5_000, rounding == .halfAwayFromZero {
                    #expect((Int128(rounded.minorUnits) * 10_000).magnitude > exact.magnitude)
                }
            }
        }
    }

    @Test("sums and differences outside 64 bits throw")
    func overflow() throws {
        let largest = Money(minorUnits: .max)
        #expect(throws: MoneyError.self) { try largest.adding(Money(minorUnits: 1)) }
        #expect(throws: MoneyError.self) { try Money(minorUnits: .min).subtracting(Money(minorUnits: 1)) }
        #expect(try Money.max.adding(Money.max) == Money.max + Money.max)
        #expect(try Money.zero.subtracting(Money.max) == -Money.max)
        #expect(Money.max.isStorable && (-Money.max).isStorable && !(Money.max + Money(minorUnits: 1)).isStorable)
    }

    @Test("a sum or difference outside 64 bits traps where nothing is caught")
    func traps() async {
        await #expect(processExitsWith: .failure) { _ = Money(minorUnits: .max) + Money(minorUnits: 1) }
        await #expect(processExitsWith: .failure) { _ = Money(minorUnits: .min) - Money(minorUnits: 1) }
    }
}
