import Foundation
import Testing

@testable import LoadPlan

@Suite("Who is asked for")
struct ZipfTests {
    @Test("logarithm and exponential are the C library's within 4 units in the last place")
    func exponential() {
        var scatter = Scatter(seed: 5, number: 0)
        for _ in 0..<20_000 {
            let x = Double(scatter.share()) * pow(10, Double(scatter.below(30) - 15))
            #expect(abs(Exponential.log(x) - Foundation.log(x)) <= 4 * max(Foundation.log(x).ulp, 0x1p-53), "log \(x)")
            let y = (scatter.share() - 0.5) * 100
            #expect(abs(Exponential.exp(y) - Foundation.exp(y)) <= 4 * Foundation.exp(y).ulp, "exp \(y)")
        }
        #expect(Exponential.log(1) == 0 && Exponential.exp(0) == 1)
    }

    @Test("ranks come as often as Zipf's law says", arguments: [0, 0.5, 0.99, 0.99999, 1, 1.00001, 1.2, 2, 5], [1, 2, 10, 1000])
    func law(exponent: Double, count: Int) {
        let zipf = Zipf(count: count, exponent: exponent)
        let draws = 200_000
        var seen = [Int](repeating: 0, count: count)
        var scatter = Scatter(seed: 99, number: count)
        for _ in 0..<draws { seen[zipf.rank(&scatter)] += 1 }
        let weights = (1...count).map { pow(Double($0), -exponent) }
        let whole = weights.reduce(0, +)
        // Pearson's χ² over ranks, rare ones taken together; its mean is the number of classes less one, its variance twice that.
        var (chi, classes, rareSeen, rareWanted) = (0.0, 0.0, 0.0, 0.0)
        for (rank, weight) in weights.enumerated() {
            rareSeen += Double(seen[rank])
            rareWanted += weight / whole * Double(draws)
            if rareWanted >= 20 || rank == count - 1, rareWanted > 0 {
                chi += (rareSeen - rareWanted) * (rareSeen - rareWanted) / rareWanted
                classes += 1
                (rareSeen, rareWanted) = (0, 0)
            }
        }
        #expect(chi <= classes - 1 + 5 * (2 * classes).squareRoot(), "χ² is \(chi) of \(classes) classes")
    }

    @Test("of 532,363 affiliates the first ranks and the last half come as often as the law says")
    func large() {
        let (count, exponent, draws) = (532_363, 0.99, 400_000)
        let zipf = Zipf(count: count, exponent: exponent)
        var scatter = Scatter(seed: 3, number: 1)
        var first = [Int](repeating: 0, count: 10)
        var lastHalf = 0
        for _ in 0..<draws {
            let rank = zipf.rank(&scatter)
            if rank < 10 { first[rank] += 1 }
            if rank >= count / 2 { lastHalf += 1 }
        }
        let weights = (1...count).map { pow(Double($0), -exponent) }
        let whole = weights.reduce(0, +)
        for rank in 0..<10 {
            let wanted = weights[rank] / whole * Double(draws)
            #expect(abs(Double(first[rank]) - wanted) < 5 * wanted.squareRoot(), "rank \(rank)")
        }
        let wanted = weights[(count / 2)...].reduce(0, +) / whole * Double(draws)
        #expect(abs(Double(lastHalf) - wanted) < 5 * wanted.squareRoot())
    }

    @Test("the order of ranks follows from the seed, and every affiliate has one rank")
    func dealt() {
        let network = population(roots: 50)
        let first = network.dealt(seed: 1).map(\.id)
        #expect(first == network.dealt(seed: 1).map(\.id))
        #expect(first != network.dealt(seed: 2).map(\.id))
        #expect(first.sorted() == network.members.map(\.id))
    }

    @Test("a hot root's tree gets its share of the requests beside its own weight")
    func hotRoot() {
        let network = population(roots: 20)
        let members = RankedMembers(network.dealt(seed: 4), AffiliateChoice(zipf: 0, hotRoot: 31, hotShare: 0.4))
        var scatter = Scatter(seed: 4, number: 4)
        let draws = 100_000
        let hot = (0..<draws).count { _ in (31...40).contains(members.pick(&scatter).id) }
        // 40% and a twentieth of the rest.
        #expect(abs(Double(hot) / Double(draws) - 0.43) < 5 * (0.43 * 0.57 / Double(draws)).squareRoot())
    }
}
