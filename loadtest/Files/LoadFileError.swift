import LoadPlan
import YAMLFiles

/// A file of the load harness cannot be read, or does not say what it should.
package struct LoadFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// There is no such file, or it may not be read, or it is too large, or no text.
        case unreadable
        /// What stands in it is wrong.
        case invalid
    }

    package let code: Code
    package let file: String
    /// From 1, where it is known.
    package let line: Int?
    /// `file:line: field: what is wrong and what to write`.
    package let description: String

    init(unreadable file: String, _ message: String) {
        code = .unreadable
        self.file = file
        line = nil
        description = "\(file): \(message)"
    }

    init(file: String, line: Int?, field: String = "", _ message: String) {
        code = .invalid
        self.file = file
        self.line = line
        let place = line.map { "\(file):\($0)" } ?? file
        description = field.isEmpty ? "\(place): \(message)" : "\(place): \(field): \(message)"
    }
}

/// The same while a file is being read, before it has the file's name.
struct FieldFault: Error {
    var field: String
    var message: String
    var line: Int?

    init(_ field: String, _ message: String, line: Int?) {
        self.field = field
        self.message = message
        self.line = line
    }
}
