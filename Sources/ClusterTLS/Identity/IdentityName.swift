/// The names of clusters and of their processes: fit for a URI, a file and a log line as they are.
package enum IdentityName {
    /// What fits a certificate's common name.
    package static let charactersMax = 64

    /// Why `text` cannot be a name, or nil if it can.
    package static func complaint(about text: String) -> String? {
        guard !text.isEmpty else { return "is empty" }
        guard text.utf8.count <= charactersMax else { return "is longer than \(charactersMax) characters" }
        guard text.utf8.allSatisfy(isAllowed) else { return "has other characters than letters, digits, `.`, `-` and `_`" }
        guard let first = text.utf8.first, isLetterOrDigit(first) else { return "does not begin with a letter or a digit" }
        return nil
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
