/// Text that somebody else wrote — names from scenario files, labels of events, examples from a server — made harmless for where it is shown.
package enum Hostile {
    /// More than anyone reads of one name.
    static let charactersMax = 400

    /// Characters that move a cursor, turn the direction of writing, or stand in no XML: shown as `�`. Line ends and tabs become blanks.
    package static func visible(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(charactersMax) {
            switch scalar.value {
            case 0x09, 0x0a, 0x0d, 0x85, 0x2028, 0x2029: scalars.append(" ")
            case 0x00...0x1f, 0x7f...0x9f, 0x200e, 0x200f, 0x061c, 0x202a...0x202e, 0x2066...0x2069, 0xfeff, 0xfffe, 0xffff:
                scalars.append("\u{fffd}")
            default: scalars.append(scalar)
            }
        }
        if text.unicodeScalars.dropFirst(charactersMax).first != nil { scalars.append("…") }
        return String(scalars)
    }

    /// For text and quoted attributes of HTML, SVG and XML.
    static func markup(_ text: String) -> String {
        var escaped = ""
        for scalar in visible(text).unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// For a cell of a Markdown table: neither markup nor a link, nor the end of the cell.
    static func markdown(_ text: String) -> String {
        var escaped = ""
        let scalars = visible(text).unicodeScalars
        for (index, scalar) in zip(scalars.indices, scalars) {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\\", "`", "*", "_", "[", "]", "|", "#", "~", "!":
                escaped += "\\"
                escaped.unicodeScalars.append(scalar)
            case "@": escaped += "&#64;"
            case ":" where scalars[index...].dropFirst().first == "/": escaped += "&#58;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
