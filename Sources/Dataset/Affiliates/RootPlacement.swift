/// Places roots on shards: the heaviest tree first, each onto the shard that is lightest at that moment.
///
/// The heaviest shard is then at most a third over the best possible, or as heavy as its one largest tree (Graham, 1969).
package enum RootPlacement {
    /// - Parameters:
    ///   - weights: affiliates of each root's tree.
    ///   - loads: affiliates that each shard holds already; not empty.
    /// - Returns: the shard of each root, in the order of `weights`. Equal weights are placed in their order, onto the lowest of equal shards.
    package static func shards(weights: [Int], loads: [Int]) -> [Int] {
        var result = [Int](repeating: 0, count: weights.count)
        var heap = ShardHeap(loads: loads)
        let heaviestFirst = weights.indices.sorted { weights[$0] != weights[$1] ? weights[$0] > weights[$1] : $0 < $1 }
        for root in heaviestFirst { result[root] = heap.addToLightest(weights[root]) }
        return result
    }
}

/// Shards with the lightest on top.
private struct ShardHeap {
    private var entries: [(load: Int, shard: Int)]

    init(loads: [Int]) {
        // Sorted is a heap.
        entries = loads.enumerated().map { ($0.element, $0.offset) }.sorted { $0 < $1 }
    }

    mutating func addToLightest(_ weight: Int) -> Int {
        guard let lightest = entries.first else { return 0 }
        entries[0].load += weight
        var position = 0
        while true {
            var least = position
            for child in [2 * position + 1, 2 * position + 2] where child < entries.count && entries[child] < entries[least] {
                least = child
            }
            if least == position { return lightest.shard }
            entries.swapAt(position, least)
            position = least
        }
    }
}
