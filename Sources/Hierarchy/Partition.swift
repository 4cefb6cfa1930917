import Core

/// One shard's forest in memory: exact at every moment, microseconds a question.
///
/// Belongs to one thread at a time (it is not `Sendable`). The big arrays never change; joins go to an overlay that every
/// question reads as well, until a rebuild folds them in. `docs/design/partition.md` draws it.
package final class Partition {
    package let shard: ShardID

    let forest: Forest
    // The forest's arrays once more as plain pointers: `forest` keeps them alive, reading them costs no reference counting.
    let ids: Column<Int64>
    let parents: Column<UInt32>
    let childStart: Column<UInt32>
    let forestCount: UInt32

    // The two arrays of the forest's affiliates that joins and status changes write.
    let statuses: Column<UInt8>
    let networkSizes: Column<UInt32>

    var overlay = Overlay()
    let overlayProfiles = ProfileArena()
    var statusCounts: StatusCounts

    init(shard: ShardID, forest: Forest, statuses: Column<UInt8>, networkSizes: Column<UInt32>) {
        self.shard = shard
        self.forest = forest
        self.ids = forest.ids
        self.parents = forest.parents
        self.childStart = forest.childStart
        self.forestCount = UInt32(forest.count)
        self.statuses = statuses
        self.networkSizes = networkSizes
        self.statusCounts = StatusCounts(counting: statuses, 0, statuses.count)
    }

    deinit {
        statuses.deallocate()
        networkSizes.deallocate()
        overlay.deallocate()
    }

    // MARK: Totals

    package var affiliateCount: Int { forest.count + overlay.count }
    package var rootCount: Int { forest.rootCount + overlay.rootCount }
    package var statusTotals: StatusCounts { statusCounts }
    /// Joins not yet folded into the arrays.
    package var overlayCount: Int { overlay.count }
    /// Whether the overlay has grown so far that `snapshot().rebuilt()` pays.
    package var needsRebuild: Bool { OverlayPolicy.needsRebuild(entries: overlay.count, forest: forest.count) }

    /// Bytes allocated: for the structure (all but names) and for profiles.
    package var memoryBytes: (structure: Int, profiles: Int) {
        (
            forest.structureBytes + statuses.bytes + networkSizes.bytes + overlay.bytes,
            forest.profiles.capacity + overlayProfiles.capacity
        )
    }

    // MARK: One affiliate

    /// The affiliate with this id, or nil if it is not in this partition.
    package func find(_ id: AffiliateID) -> Node? {
        if let position = forest.index.find(id.rawValue, idAt: { ids[$0] }) { return Node(number: position) }
        if overlay.count == 0 { return nil }
        return overlay.find(id.rawValue).map { Node(number: forestCount + $0) }
    }

    package func id(of node: Node) -> AffiliateID {
        check(node)
        return AffiliateID(rawID(node.number))
    }

    package func parent(of node: Node) -> Node? {
        check(node)
        let parent = parentNumber(node.number)
        return parent == Forest.noPosition ? nil : Node(number: parent)
    }

    package func status(of node: Node) -> AffiliateStatus {
        check(node)
        return AffiliateStatus(stored: rawStatus(node.number))
    }

    package func directReferrals(of node: Node) -> Int {
        check(node)
        return directs(node.number)
    }

    /// All descendants, the affiliate itself not counted.
    package func networkSize(of node: Node) -> Int {
        check(node)
        if node.number < forestCount { return Int(networkSizes[node.number]) }
        return Int(overlay.entries[node.number - forestCount].networkSize)
    }

    /// The hierarchy level: a root has 1.
    package func level(of node: Node) -> Int {
        check(node)
        if node.number >= forestCount { return Int(overlay.entries[node.number - forestCount].level) }
        var low = 1
        var high = forest.levelCount
        while low < high {
            let middle = low + (high - low) / 2
            if forest.levelStart[middle] <= node.number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Lends the affiliate's profile for the length of one call.
    package func withProfile<R>(of node: Node, _ body: (ProfileView) throws -> R) rethrows -> R {
        check(node)
        if node.number < forestCount { return try body(forest.profiles.view(at: forest.profileOffsets[node.number])) }
        return try body(overlayProfiles.view(at: overlay.entries[node.number - forestCount].profileOffset))
    }

    /// The whole affiliate as a row that may be kept.
    package func row(of node: Node) -> AffiliateRow {
        AffiliateRow(
            id: id(of: node), parent: parent(of: node).map { id(of: $0) }, status: status(of: node),
            profile: withProfile(of: node) { $0.profile })
    }

    // MARK: By node number

    /// A node of another partition may be out of range: stop there rather than read what is not ours.
    @inline(__always)
    func check(_ node: Node) {
        precondition(Int(node.number) < forest.count + overlay.count, "a node of another partition")
    }

    @inline(__always)
    func rawID(_ number: UInt32) -> Int64 {
        number < forestCount ? ids[number] : overlay.entries[number - forestCount].id
    }

    @inline(__always)
    func parentNumber(_ number: UInt32) -> UInt32 {
        number < forestCount ? parents[number] : overlay.entries[number - forestCount].parent
    }

    @inline(__always)
    func rawStatus(_ number: UInt32) -> UInt8 {
        number < forestCount ? statuses[number] : overlay.entries[number - forestCount].status
    }

    @inline(__always)
    func directs(_ number: UInt32) -> Int {
        if number >= forestCount { return Int(overlay.entries[number - forestCount].directReferrals) }
        let inForest = Int(childStart[number + 1] - childStart[number])
        return overlay.count == 0 ? inForest : inForest + overlayDirects(number)
    }

    /// How many of the overlay were referred by an affiliate of the forest.
    func overlayDirects(_ position: UInt32) -> Int {
        let all = UInt32(overlay.count)
        let first = overlay.firstRank(from: 0, to: all) { stands($0.parent, before: position) }
        let end = overlay.firstRank(from: first, to: all) { $0.parent == position }
        return Int(end - first)
    }

    /// Whether a node stands before a position of the forest.
    @inline(__always)
    private func stands(_ number: UInt32, before position: UInt32) -> Bool {
        if number == Forest.noPosition { return true }
        if number < forestCount { return number < position }
        return overlay.entries[number - forestCount].basePosition <= position
    }
}

extension AffiliateStatus {
    /// Only raw values of statuses are ever stored; anything else would be read as banned, which earns and shows least.
    @inline(__always)
    init(stored: UInt8) { self = AffiliateStatus(rawValue: stored) ?? .banned }
}
