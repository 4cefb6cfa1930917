/// Reading of PostgreSQL's text forms.
enum PostgresText {
    /// An optional minus and decimal digits, nothing else; nil for anything past 64 bits.
    static func int64(_ text: UnsafeRawBufferPointer) -> Int64? {
        var rest = text[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        guard !rest.isEmpty else { return nil }
        // Built up on the negative side, which reaches one further than the positive.
        var value: Int64 = 0
        for byte in rest {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
            let (difference, overflow) = product.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !productOverflow, !overflow else { return nil }
            value = difference
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// `\x` and pairs of hex digits.
    static func bytea(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count >= 2, text.count.isMultiple(of: 2), text[0] == UInt8(ascii: "\\"), text[1] == UInt8(ascii: "x") else {
            return nil
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2 - 1)
        for index in stride(from: 2, to: text.count, by: 2) {
            guard let high = hexDigit(text[index]), let low = hexDigit(text[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// Calls `body` with each element of a one-dimensional array of integers; false for anything else, perhaps after some calls.
    static func forEachInt64(_ text: UnsafeRawBufferPointer, _ body: (Int64) -> Void) -> Bool {
        guard text.count >= 2, text.first == UInt8(ascii: "{"), text.last == UInt8(ascii: "}") else { return false }
        let end = text.count - 1
        guard end > 1 else { return true }
        var start = 1
        for index in 1...end where index == end || text[index] == UInt8(ascii: ",") {
            guard let number = int64(UnsafeRawBufferPointer(rebasing: text[start..<index])) else { return false }
            body(number)
            start = index + 1
        }
        return true
    }

    /// The elements of a one-dimensional array, `{a,"b c",NULL}`; nil for more dimensions or a broken text.
    static func array(_ text: UnsafeRawBufferPointer) -> [[UInt8]?]? {
        guard text.count >= 2, text.first == UInt8(ascii: "{"), text.last == UInt8(ascii: "}") else { return nil }
        let body = text[1..<(text.count - 1)]
        var elements: [[UInt8]?] = []
        guard !body.isEmpty else { return elements }
        var index = body.startIndex
        while true {
            var element: [UInt8] = []
            var wasQuoted = false
            if index < body.endIndex, body[index] == UInt8(ascii: "\"") {
                wasQuoted = true
                index += 1
                while index < body.endIndex, body[index] != UInt8(ascii: "\"") {
                    if body[index] == UInt8(ascii: "\\") { index += 1 }
                    guard index < body.endIndex else { return nil }
                    element.append(body[index])
                    index += 1
                }
                guard index < body.endIndex else { return nil }
                index += 1
            } else {
                while index < body.endIndex, body[index] != UInt8(ascii: ",") {
                    guard body[index] != UInt8(ascii: "{"), body[index] != UInt8(ascii: "}") else { return nil }
                    element.append(body[index])
                    index += 1
                }
            }
            elements.append(!wasQuoted && element.elementsEqual("NULL".utf8) ? nil : element)
            guard index < body.endIndex else { return elements }
            guard body[index] == UInt8(ascii: ",") else { return nil }
            index += 1
        }
    }
}
