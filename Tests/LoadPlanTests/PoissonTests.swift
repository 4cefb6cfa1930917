import Foundation
import LoadPlan
import Testing

@Suite("Poisson arrivals")
struct PoissonTests {
    @Test("the same seed gives the same times, another seed gives others")
    func seeds() {
        let shape = ArrivalShape.poisson(rate: 500)
        #expect(times(scenario((5, shape))) == times(scenario((5, shape))))
        #expect(times(scenario((5, shape), seed: 7)) != times(scenario((5, shape), seed: 8)))
        // The second phase is not the first one again.
        let both = times(scenario((5, shape), (5, shape)))
        let first = both.filter { $0 < 5_000_000_000 }
        #expect(both.filter { $0 >= 5_000_000_000 }.map { $0 - 5_000_000_000 } != first)
    }

    /// The standard deviation of a Poisson count is the root of its mean; five of them are passed once in two million seeds, and these are fixed.
    @Test(
        "over 200 s at 1,000 a second the count is 200,000 within five standard deviations", arguments: [UInt64(1), 2, 3, 4, 5])
    func mean(seed: UInt64) {
        let count = Double(times(scenario((200, .poisson(rate: 1000)), seed: seed)).count)
        #expect(abs(count - 200_000) < 5 * 200_000.0.squareRoot())
    }

    @Test("at rates whose gaps are a hundred nanoseconds nothing is lost below the nanosecond")
    func fractions() {
        let count = Double(times(scenario((0.5, .poisson(rate: 9_000_000)), seed: 6)).count)
        #expect(abs(count - 4_500_000) < 5 * 4_500_000.0.squareRoot())
    }

    @Test(
        "gaps are exponential: mean and deviation agree, and as many are longer than t as the law says",
        arguments: [UInt64(1), 2, 3])
    func gaps(seed: UInt64) {
        let all = times(scenario((100, .poisson(rate: 1000)), seed: seed)).map { Double($0) }
        let gaps = zip(all.dropFirst(), all).map { ($0 - $1) / 1e6 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let deviation = (gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)).squareRoot()
        #expect(abs(mean - 1) < 0.02)
        #expect(abs(deviation - 1) < 0.03)
        for limit in [0.1, 0.5, 1, 2, 4] {
            let wanted = Double(gaps.count) * exp(-limit)
            #expect(abs(Double(gaps.count { $0 > limit }) - wanted) < 5 * wanted.squareRoot(), "longer than \(limit) ms")
        }
    }

    @Test("numbers of one second do not depend on those of the second before")
    func independence() {
        var perSecond = [Double](repeating: 0, count: 2000)
        for time in times(scenario((2000, .poisson(rate: 100)), seed: 11)) { perSecond[Int(time / 1_000_000_000)] += 1 }
        let mean = perSecond.reduce(0, +) / 2000
        let variance = perSecond.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000
        // Of a Poisson process the variance of counts is their mean.
        #expect(abs(variance / mean - 1) < 0.16)
        let covariance = zip(perSecond, perSecond.dropFirst()).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) } / 1999
        #expect(abs(covariance / variance) < 0.11)
    }
}
