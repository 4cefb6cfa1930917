/// What a request is about: the parts of its path and its query, with what was escaped read.
struct CallTarget {
    let path: [String]
    private(set) var query: [String: String]

    /// - Throws: `malformedRequest` for what is no path and query, or names one parameter twice.
    init(_ text: String) throws(AdministrationFault) {
        guard text.hasPrefix("/") else { throw Self.malformed(text) }
        let halves = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var parts: [String] = []
        for part in halves[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let plain = Self.unescaped(part) else { throw Self.malformed(text) }
            parts.append(plain)
        }
        path = parts
        query = [:]
        guard halves.count == 2 else { return }
        for pair in halves[1].split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let name = Self.unescaped(sides[0]), let value = Self.unescaped(sides[1]), query[name] == nil
            else { throw Self.malformed(text) }
            query[name] = value
        }
    }

    /// Takes a parameter out of the query.
    mutating func parameter(_ name: String) -> String? { query.removeValue(forKey: name) }

    /// - Throws: `malformedRequest` for parameters that nobody has taken.
    func end() throws(AdministrationFault) {
        guard let name = query.keys.sorted().first else { return }
        throw AdministrationFault(.malformedRequest, "the parameter `\(CallWords.shown(name))` is not known here")
    }

    /// With everything escaped that is neither letter, digit, nor one of `-._~`.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                escaped += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return escaped
    }

    /// Nil for a `%` without two digits behind it, and for what is no UTF-8.
    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func malformed(_ text: String) -> AdministrationFault {
        AdministrationFault(.malformedRequest, "`\(CallWords.shown(text))` is no path and query")
    }
}
