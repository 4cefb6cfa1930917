import LoadRecord

/// HTML, SVG or XML under construction. What is put in by `\( )` is escaped unless it is markup itself, so that a name from a file can never become markup.
struct Markup: ExpressibleByStringInterpolation, Sendable {
    private(set) var text: String

    init(stringLiteral text: String) { self.text = text }
    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }
    /// Nothing.
    init() { text = "" }
    init(_ parts: [Markup]) { text = parts.map(\.text).joined() }
    /// - Parameter trusted: markup already: numbers and commands of a path.
    init(trusted: String) { text = trusted }

    var isEmpty: Bool { text.isEmpty }

    static func += (left: inout Markup, right: Markup) { left.text += right.text }

    struct StringInterpolation: StringInterpolationProtocol {
        var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ value: String) { text += Hostile.markup(value) }
        mutating func appendInterpolation(_ value: Markup) { text += value.text }
        mutating func appendInterpolation(_ values: [Markup]) { for value in values { text += value.text } }
        mutating func appendInterpolation(_ value: Int) { text += String(value) }
        /// A coordinate.
        mutating func appendInterpolation(_ value: Double) { text += Quantity.plain(value, places: 1) }
    }
}

extension Sequence<Markup> {
    func joined() -> Markup { Markup(Array(self)) }
}
