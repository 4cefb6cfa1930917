/// `numeric` in its binary form (`numeric_send`): a count of digits to base 10,000, the weight of the first, a sign, the decimals to show, and
/// the digits, 16 bits each, big-endian.
package enum PostgresNumeric {
    /// Appends a number of hundredths, with two decimals. No length comes before it.
    package static func append(hundredths: Int64, to bytes: inout [UInt8]) {
        let parts = Digits(scaled: UInt128(hundredths.magnitude) * 100)
        parts.append(isNegative: hundredths < 0, decimals: 2, to: &bytes)
    }

    /// Appends a number of ten-thousandths, with four decimals. No length comes before it.
    package static func append(tenThousandths: Int64, to bytes: inout [UInt8]) {
        let parts = Digits(scaled: UInt128(tenThousandths.magnitude))
        parts.append(isNegative: tenThousandths < 0, decimals: 4, to: &bytes)
    }

    /// How many bytes `append(hundredths:)` writes.
    package static func byteCount(hundredths: Int64) -> Int { Digits(scaled: UInt128(hundredths.magnitude) * 100).byteCount }

    /// The digits of a value times 10,000, so that the last one is the fraction.
    private struct Digits {
        private static let base: UInt128 = 10_000
        private static let negative: UInt16 = 0x4000
        private static let headerBytes = 8

        /// Lowest first. 64 bits times 100 have 22 decimal digits at most, six to base 10,000.
        private var digits: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0, 0, 0)
        private var count = 0
        /// Zeros at the end are left out: the weight says where the digits stand.
        private var zeros = 0

        init(scaled: UInt128) {
            var count = 0
            var zeros = 0
            withUnsafeMutableBytes(of: &digits) { raw in
                let digits = raw.bindMemory(to: UInt16.self)
                var rest = scaled
                while rest > 0 {
                    let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: Self.base)
                    digits[count] = UInt16(remainder)
                    rest = quotient
                    count += 1
                }
                while zeros < count, digits[zeros] == 0 { zeros += 1 }
            }
            self.count = count
            self.zeros = zeros
        }

        var byteCount: Int { Self.headerBytes + 2 * (count - zeros) }

        func append(isNegative: Bool, decimals: UInt16, to bytes: inout [UInt8]) {
            let isZero = count == zeros
            Self.append(UInt16(count - zeros), to: &bytes)
            Self.append(isZero ? 0 : UInt16(bitPattern: Int16(count - 2)), to: &bytes)
            Self.append(isNegative && !isZero ? Self.negative : 0, to: &bytes)
            Self.append(decimals, to: &bytes)
            withUnsafeBytes(of: digits) { raw in
                let digits = raw.bindMemory(to: UInt16.self)
                for index in stride(from: count - 1, through: zeros, by: -1) { Self.append(digits[index], to: &bytes) }
            }
        }

        private static func append(_ value: UInt16, to bytes: inout [UInt8]) {
            bytes.append(UInt8(truncatingIfNeeded: value >> 8))
            bytes.append(UInt8(truncatingIfNeeded: value))
        }
    }
}
