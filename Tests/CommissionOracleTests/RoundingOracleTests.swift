import Core
import TestServers
import Testing

private let casesCount = 2_000_000

/// What PostgreSQL makes of the same products. Its `round(numeric, 2)` is half away from zero; half even is spelled out.
private let comparison = """
    WITH exact AS (
        SELECT away * 0.01 AS away, even * 0.01 AS even, (amount * 0.01) * (rate * 0.0001) AS product FROM shares
    ), rounded AS (
        SELECT *, floor(product * 100) AS floor, product * 100 - floor(product * 100) AS rest FROM exact
    )
    SELECT count(*),
        count(*) FILTER (WHERE rest = 0.5),
        count(*) FILTER (WHERE away IS DISTINCT FROM round(product, 2)),
        count(*) FILTER (WHERE even IS DISTINCT FROM
            (floor + CASE WHEN rest > 0.5 OR rest = 0.5 AND floor % 2 <> 0 THEN 1 ELSE 0 END) * 0.01),
        count(*) FILTER (WHERE away <> even)
    FROM rounded
    """

/// Amounts with a liking for edges, rates of all sizes; one case in four is exactly between two minor units or on one.
private func randomCase(_ random: inout SeededGenerator) -> (amount: Int64, rate: Int) {
    let choice = random.next()
    let bits = Int64.random(in: 1...49, using: &random)
    var amount = Int64.random(in: 1...(1 << bits), using: &random)
    var rate = Int.random(in: 0...10_000, using: &random)
    switch choice % 16 {
    case 0..<4:
        amount = amount / 100 * 100
        rate = rate / 50 * 50
    case 4: amount = Money.max.minorUnits - amount % 1_000
    case 5: amount = -amount
    // Beyond DECIMAL(15,2), as sums are.
    case 6: amount = Int64(truncatingIfNeeded: random.next())
    default: break
    }
    return (amount, rate)
}

@Suite("Rounding, beside PostgreSQL's numeric")
struct RoundingOracleTests {
    @Test("two million shares are what PostgreSQL's numeric makes of them, half away from zero and half even")
    func shares() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript(
            "CREATE UNLOGGED TABLE shares (amount bigint NOT NULL, rate bigint NOT NULL, away bigint NOT NULL, even bigint NOT NULL)"
        )
        var random = SeededGenerator(seed: 20_260_101)
        try BinaryCopy.rows(into: "shares", connection) { copy in
            for _ in 0..<casesCount {
                let (amount, tenThousandths) = randomCase(&random)
                let rate = try #require(Rate(tenThousandths: tenThousandths))
                let base = Money(minorUnits: amount)
                try copy.append(
                    amount, Int64(tenThousandths), Money.share(of: base, rate: rate, rounding: .halfAwayFromZero).minorUnits,
                    Money.share(of: base, rate: rate, rounding: .halfEven).minorUnits)
            }
        }
        let row = try connection.execute(comparison)
        #expect(try row.int(0, 0) == Int64(casesCount))
        #expect(try row.int(0, 1) > Int64(casesCount / 20), "too few exact halves to show anything")
        #expect(try row.int(0, 2) == 0, "half away from zero differs")
        #expect(try row.int(0, 3) == 0, "half even differs")
        #expect(try row.int(0, 4) > 0, "the two roundings never differ")
    }

    @Test("an amount's text is what PostgreSQL writes for DECIMAL(15,2), and the other way round")
    func text() async throws {
        let connection = try await TestDatabase.create().connect()
        for minorUnits in [0, 1, 99, 100, 12_345, -5, -100, Money.max.minorUnits, -Money.max.minorUnits] {
            let amount = Money(minorUnits: minorUnits)
            let written = try connection.execute("SELECT ($1::bigint * 0.01)::numeric(15,2)::text", [.int(minorUnits)]).text(
                0, 0)
            #expect("\(amount)" == written)
            #expect(try Money.parse(written, allowingMinus: true) == amount)
        }
        #expect(throws: (any Error).self) { try connection.execute("SELECT ('\(Money.max)'::numeric + 0.01)::numeric(15,2)") }
    }
}
