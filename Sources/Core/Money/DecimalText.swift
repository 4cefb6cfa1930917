/// Reads decimal text as an integer of its last decimal: `12.5` with 2 decimals is 1250. Never by way of floating point.
enum DecimalText {
    enum Fault: Error {
        case empty
        case notDecimal
        case tooManyDecimals
        case tooLarge
    }

    /// The value of `digits`, or `digits.digits`, in units of the `decimals`-th decimal. Zeros in front are allowed, a sign is not.
    ///
    /// `limit` is at most `Int64.max / 10 - 1`, so that nothing here can overflow.
    static func parse(_ text: UnsafeRawBufferPointer, decimals: Int, limit: Int64) throws(Fault) -> Int64 {
        guard !text.isEmpty else { throw .empty }
        var value: Int64 = 0
        var isTooLarge = false
        var isTooPrecise = false
        // Nil until the point.
        var decimalsRead: Int?
        var isAfterDigit = false
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard isAfterDigit, decimalsRead == nil else { throw .notDecimal }
                decimalsRead = 0
                isAfterDigit = false
                continue
            }
            isAfterDigit = true
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .notDecimal }
            if let read = decimalsRead {
                if read == decimals {
                    isTooPrecise = true
                    continue
                }
                decimalsRead = read + 1
            }
            if !isTooLarge {
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
                isTooLarge = value > limit
            }
        }
        guard isAfterDigit else { throw .notDecimal }
        if isTooPrecise { throw .tooManyDecimals }
        var missing = decimals - (decimalsRead ?? 0)
        while missing > 0, !isTooLarge {
            value *= 10
            isTooLarge = value > limit
            missing -= 1
        }
        if isTooLarge { throw .tooLarge }
        return value
    }
}
