/// What is wrong with a job, a name or a policy that our own side made.
package struct JobQueueError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// A value is outside of its limits.
        case invalid
        /// The system has no thread left to give.
        case noThread
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "job queue, \(code.rawValue): \(message)" }
}
