import Core

/// How much each open worker may carry: the mean for its capacity and a threshold above it.
///
/// A shard that is too heavy for every worker (a giant) is nobody's fault: it is set apart together with the largest worker that could take it,
/// and the mean is that of the rest. So one giant does not hide how the others are balanced among themselves.
///
/// Everything here follows from the weights and the capacities alone, not from who owns what: it stays as it is while shards move.
struct FairShare {
    /// A weight for each unit of capacity, as a fraction.
    let weight: Int64
    let capacity: Int64
    let threshold: Int64
    /// The shards too heavy for everybody, each with the capacity of the worker set apart for it.
    let giants: [ShardID: Int64]

    static let whole: Int64 = 10_000

    /// - Parameters:
    ///   - shards: those that open workers carry, or will.
    ///   - workers: the open ones; at least one.
    init(_ shards: [PlacedShard], _ workers: [PlacedWorker], threshold: Int64) {
        let heaviest = shards.sorted { $0.cost != $1.cost ? $0.cost > $1.cost : $0.id < $1.id }
        let largest = workers.map(\.share).sorted(by: >)
        var weight = shards.reduce(0) { $0 + $1.cost }
        var capacity = largest.reduce(0, +)
        var giants: [ShardID: Int64] = [:]
        // The last worker can bear what is left, whatever that is.
        for (shard, room) in zip(heaviest, largest.dropLast()) {
            guard shard.cost > Self.limit(weight, room, capacity, threshold) else { break }
            giants[shard.id] = room
            weight -= shard.cost
            capacity -= room
        }
        self.weight = weight
        self.capacity = capacity
        self.threshold = threshold
        self.giants = giants
    }

    /// The most that a worker of `room` may carry when its heaviest giant weighs `giant` (0: it has none of those it could be given).
    func limit(room: Int64, giant: Int64) -> Int64 {
        let usual = Self.limit(weight, room, capacity, threshold)
        guard giant > 0 else { return usual }
        // Beside a giant it tolerates as much as others tolerate above their mean.
        return max(usual, giant + usual - Self.limit(weight, room, capacity, 0))
    }

    /// Whether a worker of `room` is one that this giant may stay with.
    func isAtHome(_ shard: ShardID, room: Int64) -> Bool { giants[shard].map { room >= $0 } ?? false }

    private static func limit(_ weight: Int64, _ room: Int64, _ capacity: Int64, _ threshold: Int64) -> Int64 {
        Int64(clamping: Int128(weight) * Int128(room) * Int128(whole + threshold) / (Int128(capacity) * Int128(whole)))
    }
}
