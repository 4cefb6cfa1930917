/// A sum of amounts as PostgreSQL writes them: decimal texts with two decimals. It has room for any number of them, as it is told of what has
/// been committed and so must not fail.
struct AmountSum {
    private(set) var minorUnits: Int128 = 0

    mutating func add(_ text: String) {
        // Without the point these are minor units; nothing else comes out of a numeric of two decimals.
        minorUnits += Int128(text.filter { $0 != "." }) ?? 0
    }

    /// `123.45`, `5.00`, `-0.05`.
    var text: String {
        let (units, cents) = minorUnits.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(minorUnits < 0 ? "-" : "")\(units).\(cents < 10 ? "0" : "")\(cents)"
    }
}
