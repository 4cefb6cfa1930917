/// The 64-bit number by which the programme knows an affiliate. Zero and negative numbers are never valid.
package struct AffiliateID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
    /// Whether an affiliate may carry this number.
    package var isValid: Bool { rawValue > 0 }
}

/// The number that the cluster gave an accepted transaction. Zero and negative numbers are never valid.
package struct TransactionID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
    /// Whether a transaction may carry this number.
    package var isValid: Bool { rawValue > 0 }
}

/// A virtual shard: the unit that is placed on a worker and handed from one worker to another.
///
/// Roots are assigned to shards when they join; the number of shards is fixed for the life of a cluster.
package struct ShardID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package init(_ value: some BinaryInteger) { rawValue = UInt16(value) }

    /// How many virtual shards a cluster has.
    package static let count = 256

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// The number of a shard's ownership: it rises by at least one each time the shard gets another owner, and never falls.
package struct Epoch: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// One boot of one worker process. A restarted worker has another; a number is never used again.
package struct WorkerInstanceID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// One boot of one gateway process. A restarted gateway has another; a number is never used again.
package struct GatewayInstanceID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// The number of a change to one shard's hierarchy: 1, 2, 3, … without gaps, in commit order.
package typealias ChangeSequence = Int64
