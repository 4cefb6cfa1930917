import Core

/// A non-negative quantity of a worker for each unit of its capacity, compared exactly.
struct Relative: Comparable {
    let amount: Int64
    let room: Int64

    static func < (a: Self, b: Self) -> Bool { Int128(a.amount) * Int128(b.room) < Int128(b.amount) * Int128(a.room) }
    static func == (a: Self, b: Self) -> Bool { Int128(a.amount) * Int128(b.room) == Int128(b.amount) * Int128(a.room) }
}

/// What one open worker carries at some moment of the search.
struct Load {
    let room: Int64
    var weight: Int64 = 0
    /// The giants that are at home here, heaviest first.
    var giants: [PlacedShard] = []

    init(room: Int64) { self.room = room }

    mutating func add(_ shard: PlacedShard, _ fair: FairShare) {
        weight += shard.cost
        guard fair.isAtHome(shard.id, room: room) else { return }
        giants.append(shard)
        giants.sort { $0.cost != $1.cost ? $0.cost > $1.cost : $0.id < $1.id }
    }

    mutating func remove(_ shard: PlacedShard, _ fair: FairShare) {
        weight -= shard.cost
        giants.removeAll { $0.id == shard.id }
    }

    func limit(_ fair: FairShare) -> Int64 { fair.limit(room: room, giant: giants.first?.cost ?? 0) }

    /// What is above the limit.
    func excess(_ fair: FairShare) -> Relative { Relative(amount: max(0, weight - limit(fair)), room: room) }

    var relative: Relative { Relative(amount: weight, room: room) }
}
