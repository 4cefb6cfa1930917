/// Why a run could not begin. Nothing has been sent when it is thrown.
package struct LoadSetUpError: Error, CustomStringConvertible, Equatable {
    package enum Code: Sendable, Equatable {
        /// The address is none.
        case badTarget
        /// The host's name has no address.
        case unknownHost
        /// Nobody answers at the address, or not in time.
        case unreachable
        /// The certificate does not fit the host or the CA, or TLS failed otherwise.
        case certificate
        /// Something answers that does not speak HTTP/2.
        case notHTTP2
        /// Too few descriptors, threads or memory here.
        case resources
        /// The scenario cannot be run like this.
        case scenario
        /// An agent is not there, or refused the work.
        case agent
    }

    package let code: Code
    /// What is wrong, where, and what to do next.
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
