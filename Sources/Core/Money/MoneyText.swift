extension Money: CustomStringConvertible {
    /// Reads `123.45`, `123.4` or `123`, exactly. Refused: no text, a sign (but for a minus where one is allowed), an exponent, blanks,
    /// a point without digits on both sides, more than 2 decimals even if they are zeros, and more than `Money.max`.
    package static func parse(_ text: UnsafeRawBufferPointer, allowingMinus: Bool = false) throws(MoneyError) -> Money {
        let isNegative = allowingMinus && text.first == UInt8(ascii: "-")
        do {
            let digits = isNegative ? UnsafeRawBufferPointer(rebasing: text.dropFirst()) : text
            let value = try DecimalText.parse(digits, decimals: decimals, limit: max.minorUnits)
            return Money(minorUnits: isNegative ? -value : value)
        } catch {
            throw .amount(error)
        }
    }

    /// As for bytes.
    package static func parse(_ text: some StringProtocol, allowingMinus: Bool = false) throws(MoneyError) -> Money {
        var copy = String(text)
        // A closure's typed error is lost in `withUTF8`.
        return try copy.withUTF8 { bytes in
            Result { () throws(MoneyError) in try parse(UnsafeRawBufferPointer(bytes), allowingMinus: allowingMinus) }
        }.get()
    }

    /// Two decimals always: `123.45`, `5.00`, `-0.05`.
    package var description: String {
        let cents = minorUnits.magnitude % 100
        return "\(minorUnits < 0 ? "-" : "")\(minorUnits.magnitude / 100).\(cents < 10 ? "0" : "")\(cents)"
    }
}

extension ByteBuilder {
    /// An amount with two decimals always, without quotes: `123.45`, `5.00`, `-0.05`.
    package func append(_ amount: Money) {
        if amount.minorUnits < 0 { append(UInt8(ascii: "-")) }
        appendDecimal(magnitude: amount.minorUnits.magnitude / 100)
        append(UInt8(ascii: "."))
        let cents = UInt8(amount.minorUnits.magnitude % 100)
        append(48 + cents / 10)
        append(48 + cents % 10)
    }
}
