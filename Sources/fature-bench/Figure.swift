import Foundation

/// Figures as they stand in tables.
enum Figure {
    static func decimals(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }

    /// `1,234,567`
    static func thousands(_ value: Double) -> String { thousands(Int64(value.rounded())) }

    static func thousands(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var text = value < 0 ? "-" : ""
        for (at, digit) in digits.enumerated() {
            if at > 0, (digits.count - at) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// A time in milliseconds with three digits that count.
    static func milliseconds(microseconds: some BinaryInteger) -> String {
        let value = Double(microseconds) / 1000
        return decimals(value, value < 10 ? 2 : value < 100 ? 1 : 0) + " ms"
    }

    static func mebibytes(_ bytes: some BinaryInteger) -> String { thousands(Double(bytes) / 1_048_576) + " MiB" }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}
