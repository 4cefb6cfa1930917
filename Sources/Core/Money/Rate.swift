/// A share of an amount: an integer number of 1/10,000, from 0 to 100%.
package struct Rate: Hashable, Comparable, Sendable {
    package let tenThousandths: Int32

    /// Nil outside 0 to 10,000.
    package init?(tenThousandths: Int) {
        guard tenThousandths >= 0, tenThousandths <= Int(Self.one) else { return nil }
        self.tenThousandths = Int32(tenThousandths)
    }

    private init(unchecked value: Int32) { tenThousandths = value }

    /// The number of 1/10,000 in 1.
    static let one: Int32 = 10_000

    package static let zero = Rate(unchecked: 0)
    /// 100%.
    package static let max = Rate(unchecked: one)

    package static func < (a: Self, b: Self) -> Bool { a.tenThousandths < b.tenThousandths }
}

extension Rate: CustomStringConvertible {
    /// Reads `5%`, `0.5%`, `5.25%`, or the same as a fraction of 1: `0.05`, `0.005`, `0.0525`. Refused: no text, a sign, an exponent,
    /// blanks, more decimals than 1/10,000 has (2 before a percent sign, else 4), and more than 100%.
    package static func parse(_ text: UnsafeRawBufferPointer) throws(MoneyError) -> Rate {
        let isPercent = text.last == UInt8(ascii: "%")
        let digits = isPercent ? UnsafeRawBufferPointer(rebasing: text.dropLast()) : text
        do {
            let value = try DecimalText.parse(digits, decimals: isPercent ? 2 : 4, limit: Int64(one))
            return Rate(unchecked: Int32(value))
        } catch {
            throw .rate(error)
        }
    }

    /// As for bytes.
    package static func parse(_ text: some StringProtocol) throws(MoneyError) -> Rate {
        var copy = String(text)
        return try copy.withUTF8 { bytes in
            Result { () throws(MoneyError) in try parse(UnsafeRawBufferPointer(bytes)) }
        }.get()
    }

    /// As a percentage without needless zeros: `5%`, `0.5%`, `5.25%`.
    package var description: String {
        let hundredths = tenThousandths % 100
        var text = String(tenThousandths / 100)
        if hundredths != 0 {
            text += hundredths < 10 ? ".0\(hundredths)" : hundredths % 10 == 0 ? ".\(hundredths / 10)" : ".\(hundredths)"
        }
        return text + "%"
    }
}

extension ByteBuilder {
    /// A rate as a fraction of 1 with four decimals, as DECIMAL(5,4) writes it, without quotes: `0.0525`.
    package func append(_ rate: Rate) {
        appendDecimal(Int64(rate.tenThousandths / Rate.one))
        append(UInt8(ascii: "."))
        appendPadded(Int64(rate.tenThousandths % Rate.one), digits: 4)
    }
}
