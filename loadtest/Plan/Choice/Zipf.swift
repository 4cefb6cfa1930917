/// Ranks by Zipf's law: rank k is chosen k^s times less often than rank 1. No tables; two logarithms or exponentials a choice.
///
/// Source: W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS 6(3), 1996:
/// a point under the curve x^−s is drawn by inversion of its integral H; it stands for the whole number nearest to it, and is thrown away
/// where the curve over that number holds more than the number's own weight. Nearly all are kept.
package struct Zipf: Sendable {
    package let count: Int
    package let exponent: Double
    private let oneMinusExponent: Double
    /// H(3/2) − 1: the number 1 is given just its weight.
    private let integralFirst: Double
    private let integralLast: Double
    /// A point that lies no farther than this below its number is kept without looking at the weight.
    private let quickAcceptance: Double

    package static let exponentMax: Double = 5

    /// - Parameters:
    ///   - count: how many ranks there are, at least 1.
    ///   - exponent: 0 (all alike) to `exponentMax`.
    package init(count: Int, exponent: Double) {
        precondition(count > 0, "Zipf's law needs somebody to choose")
        self.count = count
        self.exponent = exponent
        oneMinusExponent = 1 - exponent
        integralFirst = Self.integral(1.5, 1 - exponent) - 1
        integralLast = Self.integral(Double(count) + 0.5, 1 - exponent)
        quickAcceptance =
            2 - Self.inverse(Self.integral(2.5, 1 - exponent) - Exponential.exp(-exponent * Exponential.log(2)), 1 - exponent)
    }

    /// A rank, from 0.
    package func rank(_ scatter: inout Scatter) -> Int {
        if exponent == 0 { return scatter.below(count) }
        while true {
            let u = integralLast + scatter.share() * (integralFirst - integralLast)
            let x = Self.inverse(u, oneMinusExponent)
            let k = max(1, min(Double(count), (x + 0.5).rounded(.down)))
            if k - x <= quickAcceptance
                || u >= Self.integral(k + 0.5, oneMinusExponent) - Exponential.exp(-exponent * Exponential.log(k))
            {
                return Int(k) - 1
            }
        }
    }

    /// H(x) = (x^(1−s) − 1) / (1 − s), or ln x for s = 1, and smooth in between.
    private static func integral(_ x: Double, _ oneMinusExponent: Double) -> Double {
        let logarithm = Exponential.log(x)
        let y = oneMinusExponent * logarithm
        return logarithm * (y.magnitude > 1e-4 ? (Exponential.exp(y) - 1) / y : 1 + y / 2 * (1 + y / 3 * (1 + y / 4)))
    }

    /// x of H(x) = u: (1 + u (1 − s))^(1 / (1 − s)), or e^u for s = 1.
    private static func inverse(_ u: Double, _ oneMinusExponent: Double) -> Double {
        let y = max(u * oneMinusExponent, -1 + 0x1p-52)
        return Exponential.exp(
            u * (y.magnitude > 1e-4 ? Exponential.log(1 + y) / y : 1 - y * (1.0 / 2 - y * (1.0 / 3 - y * (1.0 / 4 - y / 5)))))
    }
}
