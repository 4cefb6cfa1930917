import Core

/// A set of shards: 256 bits, 32 bytes in a frame.
package struct ShardSet: Equatable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// In a frame's header: the question is for all shards of the worker.
    package static let allShards: UInt16 = 0xffff

    package init() {}

    /// Every shard of a cluster.
    package static var all: ShardSet {
        var set = ShardSet()
        for shard in 0..<ShardID.count { set.insert(ShardID(shard)) }
        return set
    }

    package mutating func insert(_ shard: ShardID) {
        let bit = UInt64(1) << UInt64(shard.rawValue & 63)
        switch shard.rawValue >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        case 3: words.3 |= bit
        default: preconditionFailure("shard \(shard) of \(ShardID.count)")
        }
    }

    package func contains(_ shard: ShardID) -> Bool {
        var one = Self()
        one.insert(shard)
        return !isDisjoint(with: one)
    }

    package func isDisjoint(with other: Self) -> Bool {
        words.0 & other.words.0 | words.1 & other.words.1 | words.2 & other.words.2 | words.3 & other.words.3 == 0
    }

    package mutating func formUnion(_ other: Self) {
        words.0 |= other.words.0
        words.1 |= other.words.1
        words.2 |= other.words.2
        words.3 |= other.words.3
    }

    package var count: Int {
        words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount + words.3.nonzeroBitCount
    }

    package static func == (a: Self, b: Self) -> Bool { a.words == b.words }

    package init?(from reader: inout FieldReader) {
        guard let first = reader.integer(UInt64.self), let second = reader.integer(UInt64.self),
            let third = reader.integer(UInt64.self),
            let fourth = reader.integer(UInt64.self)
        else { return nil }
        words = (first, second, third, fourth)
    }

    package func write(to frame: ByteBuilder) {
        frame.appendInteger(words.0)
        frame.appendInteger(words.1)
        frame.appendInteger(words.2)
        frame.appendInteger(words.3)
    }
}
