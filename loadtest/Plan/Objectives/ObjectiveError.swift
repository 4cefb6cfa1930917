/// A text that is no objective.
package struct ObjectiveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, with the text, and what to write.
    package let description: String

    init(_ text: String, _ message: String) { description = "'\(text)': \(message)" }
}
