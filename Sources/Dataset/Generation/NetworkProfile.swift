/// The shape of a generated network.
package enum NetworkProfile: String, CaseIterable, Sendable {
    /// The programme's own figures: 532,363 affiliates, 21,400 roots, the five published fan-outs.
    case fature
    /// One root, everyone else below the one before: as deep as it has affiliates.
    case chain
    /// One root, everyone else its direct referral.
    case star
    /// One root with 40% of everyone, the rest in small trees.
    case skew
    /// Small random recursive trees.
    case uniform
}

/// Why a network cannot be generated.
package struct GeneratorError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Profile `fature` was asked for another number than its own.
        case fixedSize
        /// A profile that has no size of its own was given none.
        case sizeMissing
        /// The number is not between 1 and `NetworkGenerator.affiliatesMax`.
        case sizeOutOfRange
    }

    package let code: Code
    package let description: String
}
