/// Affiliates in the order of their ranks: one of rank k is chosen k^s times less often than the first.
///
/// A class, so that asking one counts a single reference.
final class RankedMembers: Sendable {
    struct Choice: Sendable {
        var id: Int64
        var shard: UInt8
    }

    let choices: [Choice]
    private let zipf: Zipf
    /// The hot root's own, chosen among themselves by the same law.
    private let hot: [Choice]
    private let hotZipf: Zipf
    /// Of 2^64 draws how many fall on the hot root's tree.
    private let hotDraws: UInt64

    /// - Parameter dealt: everybody, in the order of ranks; not empty.
    init(_ dealt: [Population.Member], _ choice: AffiliateChoice) {
        let choices = dealt.map { Choice(id: $0.id, shard: $0.shard) }
        let hot = choice.hotShare > 0 ? dealt.filter { $0.root == choice.hotRoot }.map { Choice(id: $0.id, shard: $0.shard) } : []
        self.choices = choices
        self.hot = hot
        zipf = Zipf(count: choices.count, exponent: choice.zipf)
        hotZipf = Zipf(count: max(hot.count, 1), exponent: choice.zipf)
        hotDraws = hot.isEmpty ? 0 : choice.hotShare >= 1 ? .max : UInt64(choice.hotShare * 0x1p64)
    }

    func pick(_ scatter: inout Scatter) -> Choice {
        if hotDraws > 0, scatter.next() <= hotDraws { return hot[hotZipf.rank(&scatter)] }
        return choices[zipf.rank(&scatter)]
    }
}

extension Population {
    /// Everybody in an order that follows from the seed: the order of ranks. The same for all operations, so that who is busy is busy in all
    /// of them.
    func dealt(seed: UInt64) -> [Member] {
        var dealt = members
        var scatter = Scatter(seed: seed, stream: Streams.deal, number: 0)
        for index in stride(from: dealt.count - 1, to: 0, by: -1) { dealt.swapAt(index, scatter.below(index + 1)) }
        return dealt
    }
}
