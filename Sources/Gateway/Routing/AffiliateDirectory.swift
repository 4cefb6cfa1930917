import Core

/// Which shard each affiliate is in: one flat open-addressing table, 10 bytes a slot, immutable once built, shared by all event loops.
///
/// A look-up is one or two cache misses, where a binary search over sorted arrays is about twenty.
package final class AffiliateDirectoryTable: @unchecked Sendable {
    // @unchecked: written only by the one who builds it, read-only once others have it.
    private let keys: UnsafeMutablePointer<Int64>
    private let shards: UnsafeMutablePointer<UInt16>
    private let mask: Int
    private let shift: UInt64
    package private(set) var count = 0
    /// Affiliates per shard.
    package private(set) var shardCounts = [Int](repeating: 0, count: ShardID.count)

    /// - Parameter expected: how many affiliates will be inserted; the table never grows.
    package init(expected: Int) {
        var capacity = 16
        while capacity < expected * 3 / 2 + 1 { capacity *= 2 }
        mask = capacity - 1
        shift = UInt64(64 - capacity.trailingZeroBitCount)
        keys = .allocate(capacity: capacity)
        shards = .allocate(capacity: capacity)
        keys.initialize(repeating: 0, count: capacity)
        shards.initialize(repeating: 0, count: capacity)
    }

    deinit {
        keys.deallocate()
        shards.deallocate()
    }

    private func home(_ id: Int64) -> Int { Int((UInt64(bitPattern: id) &* 0x9e37_79b9_7f4a_7c15) >> shift) }

    /// Returns false when the table is full (`grown` makes a larger one), the shard does not exist or the id is not valid.
    package func insert(_ id: Int64, shard: UInt16) -> Bool {
        guard id > 0, Int(shard) < ShardID.count, count < mask * 3 / 4 + 1 else { return false }
        var at = home(id)
        while keys[at] != 0, keys[at] != id { at = (at + 1) & mask }
        if keys[at] == 0 {
            count += 1
        } else {
            shardCounts[Int(shards[at])] -= 1
        }
        keys[at] = id
        shards[at] = shard
        shardCounts[Int(shard)] += 1
        return true
    }

    package func shard(of id: Int64) -> UInt16? {
        var at = home(id)
        while true {
            let key = keys[at]
            if key == id { return shards[at] }
            if key == 0 { return nil }
            at = (at + 1) & mask
        }
    }

    /// The same entries in a table of twice the size.
    package func grown() -> AffiliateDirectoryTable {
        let larger = AffiliateDirectoryTable(expected: (mask + 1) * 4 / 3)
        for at in 0...mask where keys[at] != 0 { _ = larger.insert(keys[at], shard: shards[at]) }
        return larger
    }

    /// Bytes of memory.
    package var memoryBytes: Int { (mask + 1) * 10 }
}

/// One event loop's view: the shared table, and what this loop has learned since the table was built.
///
/// It may be behind: a miss is looked up in PostgreSQL, and a worker that does not know the affiliate says so. It is never believed to be right.
struct AffiliateDirectory {
    private var table: AffiliateDirectoryTable
    private var learned: [Int64: UInt16] = [:]
    /// How many have been learned of each shard.
    private var learnedCounts = [Int](repeating: 0, count: ShardID.count)

    /// Once so many have been learned, or a quarter of what the table holds, the table is built anew from PostgreSQL.
    private static let learnedMin = 4096
    /// More are not kept while that has not happened.
    private static let learnedMax = 1 << 20
    private var rebuildAt: Int { max(Self.learnedMin, table.count / 4) }

    init(_ table: AffiliateDirectoryTable) { self.table = table }

    func shard(of id: AffiliateID) -> ShardID? {
        if !learned.isEmpty, let shard = learned[id.rawValue] { return ShardID(rawValue: shard) }
        return table.shard(of: id.rawValue).map(ShardID.init(rawValue:))
    }

    /// Returns true when it is time to build the table anew.
    mutating func learn(_ id: AffiliateID, _ shard: ShardID) -> Bool {
        if learned.count >= Self.learnedMax {
            learned.removeAll(keepingCapacity: true)
            learnedCounts = [Int](repeating: 0, count: ShardID.count)
        }
        let before = learned.updateValue(shard.rawValue, forKey: id.rawValue)
        guard before != shard.rawValue else { return false }
        if let before { learnedCounts[Int(before)] -= 1 }
        learnedCounts[Int(shard.rawValue)] += 1
        return learned.count % rebuildAt == 0
    }

    mutating func forget(_ id: AffiliateID) { learned[id.rawValue] = nil }

    mutating func replaceTable(_ newTable: AffiliateDirectoryTable) {
        self = AffiliateDirectory(newTable)
    }

    /// The shard with the fewest affiliates as far as this loop knows, for a new root.
    func lightestShard(among serving: (ShardID) -> Bool) -> ShardID? {
        var best: ShardID?
        for shard in 0..<ShardID.count where serving(ShardID(shard)) {
            if let current = best, count(Int(current.rawValue)) <= count(shard) { continue }
            best = ShardID(shard)
        }
        return best
    }

    private func count(_ shard: Int) -> Int { table.shardCounts[shard] + learnedCounts[shard] }

    var count: Int { table.count + learned.count }
    var memoryBytes: Int { table.memoryBytes }
}
