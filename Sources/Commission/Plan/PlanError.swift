/// A plan, or a list of plans, is not valid.
package struct PlanError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// The text is not YAML or JSON, or is too large.
        case malformed
        /// A field that no plan has.
        case unknownField = "unknown_field"
        /// A field that every plan needs.
        case missingField = "missing_field"
        /// A list where one value belongs, and the like.
        case wrongShape = "wrong_shape"
        /// A value that cannot be read as what the field holds.
        case invalidValue = "invalid_value"
        /// A value that can be read and is beyond its limits.
        case outOfRange = "out_of_range"
        /// Two versions that hold at one moment, or in another order than their numbers.
        case overlap
        /// A version that would change what has been paid.
        case tooLate = "too_late"
    }

    package let code: Code
    /// The path of the field, as in `percentage.deposit[2]`; empty for the whole.
    package let field: String
    package let message: String
    /// The line of the text that was read, from 1.
    package var line: Int?

    package init(_ code: Code, _ field: String, _ message: String, line: Int? = nil) {
        self.code = code
        self.field = field
        self.message = message
        self.line = line
    }

    package var description: String {
        let place = line.map { "line \($0): " } ?? ""
        return field.isEmpty ? place + message : "\(place)\(field): \(message)"
    }
}
