/// Something in a scenario that cannot be: out of its range, twice, or without what it needs.
package struct ScenarioFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where, by the names that scenario files have: `phases[0].rate`.
    package let field: String
    /// What is wrong, and what to write.
    package let message: String

    package init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }

    package var description: String { field.isEmpty ? message : "\(field): \(message)" }
}
