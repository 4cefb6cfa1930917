/// What PostgreSQL takes as text in a UTF-8 database.
enum UTF8Text {
    /// The number of characters (code points), or nil if the bytes are not valid UTF-8 or hold a NUL.
    static func characters(_ bytes: ArraySlice<UInt8>) -> Int? {
        var count = 0
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte < 0x80 {
                guard byte != 0 else { return nil }
                index += 1
            } else {
                guard let length = length(bytes[index...]) else { return nil }
                index += length
            }
            count += 1
        }
        return count
    }

    /// The length of the character of several bytes that a text begins with. Over-long forms, surrogates and numbers past U+10FFFF are not
    /// valid (Unicode, table 3-7).
    private static func length(_ bytes: ArraySlice<UInt8>) -> Int? {
        let first = bytes[bytes.startIndex]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        let rest = bytes.dropFirst().prefix(length - 1)
        guard rest.count == length - 1, let next = rest.first, second.contains(next) else { return nil }
        return rest.allSatisfy { $0 & 0xC0 == 0x80 } ? length : nil
    }
}
