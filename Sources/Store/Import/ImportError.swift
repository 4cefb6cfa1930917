/// Why an import did not take place. Single rows that are refused are `Reject`s.
package struct ImportError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// `public.affiliates` is there already and may not be replaced.
        case targetExists
        /// There is no V1 table, or it lacks a column or its key.
        case sourceUnusable
        /// A file cannot be opened or read, or changed while it was read.
        case fileUnreadable
        /// The file's first line does not name the columns.
        case badHeader
        /// Another import is running in this database.
        case busy
        /// Rows were refused and the import was to be strict.
        case strictRefused
        /// More rows were refused than anyone would read.
        case tooManyRejects
        /// An option is out of range.
        case badOption
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
