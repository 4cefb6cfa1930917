import RedisClient

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
        var milliseconds: UInt64?
        var number: UInt64 = 0
        var hasDigits = false
        for byte in text {
            if byte == UInt8(ascii: "-"), milliseconds == nil, hasDigits {
                milliseconds = number
                number = 0
                hasDigits = false
                continue
            }
            guard (48...57).contains(byte) else { return nil }
            let (product, isOver) = number.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = product.addingReportingOverflow(UInt64(byte - 48))
            guard !isOver, !isOverToo else { return nil }
            number = sum
            hasDigits = true
        }
        guard let milliseconds, hasDigits else { return nil }
        self.milliseconds = milliseconds
        sequence = number
    }

    /// As `description`, into a command.
    func append(to commands: RedisCommands) {
        commands.append { bytes in
            bytes.appendDecimal(milliseconds)
            bytes.append(UInt8(ascii: "-"))
            bytes.appendDecimal(sequence)
        }
    }

    package static func < (a: Self, b: Self) -> Bool { (a.milliseconds, a.sequence) < (b.milliseconds, b.sequence) }

    package var description: String { "\(milliseconds)-\(sequence)" }
}
