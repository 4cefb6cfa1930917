/// Numbers as people write them in scenarios and objectives: digits and at most one point, no signs, no exponents, units where there are any.
package enum Quantities {
    /// Longer ones are no quantities of ours.
    private static let bytesMax = 20

    /// A number with or without decimals; nil: it is none.
    package static func decimal(_ text: some StringProtocol) -> Double? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), text.utf8.count <= bytesMax,
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } })
        else { return nil }
        return Double(String(text))
    }

    /// A whole number from 0; nil: it is none.
    package static func whole(_ text: some StringProtocol) -> UInt64? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(String(text)) : nil
    }

    /// A time with its unit, in microseconds; nil: it is none, or has no unit.
    package static func microseconds(_ text: some StringProtocol) -> Double? {
        let end = text.firstIndex { !($0.isASCII && $0.isNumber || $0 == ".") } ?? text.endIndex
        let factor: Double? =
            switch text[end...].drop(while: { $0 == " " }) {
            case "us", "µs": 1
            case "ms": 1000
            case "s": 1_000_000
            case "min": 60_000_000
            case "h": 3_600_000_000
            default: nil
            }
        guard let factor, let number = decimal(text[..<end]) else { return nil }
        return number * factor
    }

    /// A share of a whole, as in `0.1%` or `0.001`, from 0 to 1; nil: it is none.
    package static func share(_ text: some StringProtocol) -> Double? {
        guard let number = text.last == "%" ? decimal(text.dropLast()).map({ $0 / 100 }) : decimal(text), number <= 1 else {
            return nil
        }
        return number
    }
}
