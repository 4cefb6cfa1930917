import Foundation

/// Chooses affiliates: all alike, or some far more often than others (Zipf).
struct AffiliatePicker {
    private let affiliates: [Int64]
    /// For each rank how many of 2^53 draws fall on it or a better one; empty: all alike.
    private let shares: [UInt64]

    private static let drawsBits: UInt64 = 53

    /// - Parameter exponent: 0: all alike; with s the affiliate of rank k is chosen k^s times less often than the first. Ranks are dealt by `seed`.
    init(_ affiliates: [Int64], exponent: Double, seed: UInt64) {
        guard exponent > 0 else {
            self.affiliates = affiliates
            shares = []
            return
        }
        var dealt = affiliates
        var scatter = Scatter(seed: seed, number: -1)
        for index in stride(from: dealt.count - 1, to: 0, by: -1) { dealt.swapAt(index, scatter.below(index + 1)) }
        self.affiliates = dealt
        var sums: [Double] = []
        var sum = 0.0
        for rank in 1...max(dealt.count, 1) {
            sum += pow(Double(rank), -exponent)
            sums.append(sum)
        }
        let scale = Double(1 << Self.drawsBits) / sum
        shares = sums.map { UInt64($0 * scale) }
    }

    func pick(_ scatter: inout Scatter) -> Int64 {
        guard !shares.isEmpty else { return affiliates[scatter.below(affiliates.count)] }
        let draw = scatter.next() >> (64 - Self.drawsBits)
        var low = 0
        var high = shares.count - 1
        while low < high {
            let middle = (low + high) / 2
            if shares[middle] > draw { high = middle } else { low = middle + 1 }
        }
        return affiliates[low]
    }
}
