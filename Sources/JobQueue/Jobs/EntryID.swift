/// The place of an entry in a stream: the milliseconds of Redis' clock when it was added, and a number within them.
package struct EntryID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let milliseconds: UInt64
    package let sequence: UInt64

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Reads `1700000000000-0`; nil for anything else.
    package init?(_ text: some Sequence<UInt8>) {
        var parts: [UInt64] = [0]
        var digits = 0
        for byte in text {
            if byte == UInt8(ascii: "-"), parts.count == 1, digits > 0 {
                parts.append(0)
                digits = 0
                continue
            }
            guard (48...57).contains(byte) else { return nil }
            let (product, isOver) = parts[parts.count - 1].multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = product.addingReportingOverflow(UInt64(byte - 48))
            guard !isOver, !isOverToo else { return nil }
            parts[parts.count - 1] = sum
            digits += 1
        }
        guard parts.count == 2, digits > 0 else { return nil }
        milliseconds = parts[0]
        sequence = parts[1]
    }

    package static func < (a: Self, b: Self) -> Bool { (a.milliseconds, a.sequence) < (b.milliseconds, b.sequence) }

    package var description: String { "\(milliseconds)-\(sequence)" }
}
