/// Why a certificate cannot be made, read or used.
package struct ClusterTLSError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable, CaseIterable {
        /// A cluster or process cannot be called so.
        case badName
        /// A host is neither a name nor an address.
        case badHost
        /// A time is out of range.
        case badLifetime
        /// A file that must not be replaced is there.
        case exists
        /// The operating system refused a file.
        case file
        /// A file is not the certificate or key that it should be.
        case unreadable
        /// Certificate, key, authority and process do not belong together, or the certificate is not valid now.
        case unfit
        /// Some of the files that belong together are named and others are not, or there have to be some.
        case missing
        /// The library refused for a reason of its own.
        case library
    }

    package let code: Code
    /// What is wrong, where, and what to do about it.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
