import Core

/// What one transaction of the load says. It follows from the seed and the transaction's number, so that it can be sent again, and compared
/// with what the ledger holds, without being kept.
struct SentTransaction: Equatable {
    var affiliate: Int64
    var isBet: Bool
    var amount: Money
    /// Bets only: what was won back.
    var winnings: Money
}

struct TransactionFeed {
    private let picker: AffiliatePicker
    private let betsPercent: Int
    private let seed: UInt64

    /// The largest amount, minor units.
    private static let amountMinorMax = 500_000
    /// What external ids begin with; the number follows.
    static let externalIDPrefix = "bench-"

    init(_ picker: AffiliatePicker, betsPercent: Int, seed: UInt64) {
        self.picker = picker
        self.betsPercent = betsPercent
        self.seed = seed
    }

    func transaction(_ number: Int) -> SentTransaction {
        var scatter = Scatter(seed: seed, number: number)
        let affiliate = picker.pick(&scatter)
        let isBet = scatter.below(100) < betsPercent
        let amount = 1 + scatter.below(Self.amountMinorMax)
        // Every other bet is lost.
        let isWon = isBet && scatter.below(2) == 0
        return SentTransaction(
            affiliate: affiliate, isBet: isBet, amount: Money(minorUnits: Int64(amount)),
            winnings: Money(minorUnits: isWon ? Int64(scatter.below(2 * amount)) : 0))
    }

    /// Writes one transaction as the JSON object a caller sends.
    func appendJSON(_ number: Int, to json: ByteBuilder) {
        let sent = transaction(number)
        json.append("{\"affiliate_id\":")
        json.appendDecimal(sent.affiliate)
        json.append(sent.isBet ? ",\"type\":\"bet\",\"amount\":\"" : ",\"type\":\"deposit\",\"amount\":\"")
        json.append(sent.amount)
        if sent.winnings > .zero {
            json.append("\",\"winnings\":\"")
            json.append(sent.winnings)
        }
        json.append("\",\"external_transaction_id\":\"bench-")
        json.appendDecimal(number)
        json.append("\"}")
    }

    /// Writes some transactions as a request's body: one as an object, several as an array.
    func appendBody(_ numbers: [Int], to json: ByteBuilder) {
        if numbers.count == 1 { return appendJSON(numbers[0], to: json) }
        for (at, number) in numbers.enumerated() {
            json.append(UInt8(ascii: at == 0 ? "[" : ","))
            appendJSON(number, to: json)
        }
        json.append(UInt8(ascii: "]"))
    }
}
