import Glibc

/// The expanded percentile interval: few blocks make the plain percentiles of a bootstrap too narrow, as the normal law is for few values; their tails are
/// widened as Student's t is wider than the normal law, with one degree of freedom less than there are blocks.
///
/// Source: Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69 (2015), section 5.2. Student's quantile by its expansion in 1/ν:
/// Abramowitz and Stegun, 26.7.5.
enum ExpandedInterval {
    /// The share of resamples outside of the interval on either side.
    static func tail(confidence: Double, blocks: Int) -> Double {
        let z = normalQuantile(tail: (1 - confidence) / 2)
        let freedom = Double(max(1, blocks - 1))
        let cube = z * z * z
        let fifth = cube * z * z
        let t =
            z + (cube + z) / (4 * freedom) + (5 * fifth + 16 * cube + 3 * z) / (96 * freedom * freedom)
        return normalTail(t * (Double(max(2, blocks)) / freedom).squareRoot())
    }

    private static func normalTail(_ z: Double) -> Double { erfc(z / 2.0.squareRoot()) / 2 }

    /// Where so much of the normal law lies above, by halving.
    private static func normalQuantile(tail: Double) -> Double {
        var (low, high) = (0.0, 40.0)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if normalTail(middle) > tail { low = middle } else { high = middle }
        }
        return low
    }
}
