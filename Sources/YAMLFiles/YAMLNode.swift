/// A part of a YAML text: values as the text that stands there, never as numbers, so that no rate passes through floating point.
package struct YAMLNode: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        case text(String)
        case list([YAMLNode])
        case fields([Field])
    }

    package struct Field: Equatable, Sendable {
        package let name: String
        /// Its line is that of the name: a value may begin below it, or be left out, and people look for the name.
        package let value: YAMLNode
    }

    package let content: Content
    /// Where it stands, from 1, if that is known.
    package let line: Int?

    init(_ content: Content, line: Int?) {
        self.content = content
        self.line = line
    }
}
