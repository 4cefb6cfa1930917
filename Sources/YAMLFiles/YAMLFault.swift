/// A text that is not YAML as we read it.
package struct YAMLFault: Error, Equatable, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// No YAML at all, too much of it, or aliases.
        case malformed
        /// A field's name that is no word.
        case wrongShape = "wrong_shape"
        /// A field that is there twice.
        case duplicate
    }

    package let code: Code
    /// The path of the field, as in `percentage.deposit[2]`; empty for the whole.
    package let field: String
    package let message: String
    /// From 1.
    package let line: Int?

    init(_ code: Code, _ field: String, _ message: String, line: Int? = nil) {
        self.code = code
        self.field = field
        self.message = message
        self.line = line
    }
}
