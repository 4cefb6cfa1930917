import Commission

/// A plan file cannot be read, or what it says is no plan.
package struct PlanFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// There is no such file, or it may not be read, or it is too large.
        case unreadable
        /// The text is not a plan; `fault` says why.
        case invalid
    }

    package let code: Code
    package let file: String
    /// Field and line, where the file could be read.
    package let fault: PlanError?
    /// `file:line: field: what is wrong`.
    package let description: String

    init(unreadable file: String, _ message: String) {
        code = .unreadable
        self.file = file
        fault = nil
        description = "\(file): \(message)"
    }

    init(file: String, _ fault: PlanError) {
        code = .invalid
        self.file = file
        self.fault = fault
        let place = fault.line.map { "\(file):\($0)" } ?? file
        description = fault.field.isEmpty ? "\(place): \(fault.message)" : "\(place): \(fault.field): \(fault.message)"
    }
}
