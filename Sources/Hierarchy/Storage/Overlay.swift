import Core

/// How many joins may wait outside the forest's arrays.
enum OverlayPolicy {
    /// Below this a rebuild is not worth its setup.
    static let entriesBeforeRebuildMin = 64
    /// A join shifts the entries behind it, so its cost grows with their number.
    static let entriesBeforeRebuildMax = 16_384
    /// One entry for so many affiliates of the forest.
    static let forestFraction = 64
    /// Joins are refused from here on. Far above the point where a rebuild is due, for it may take a while to come.
    static let entriesMax = 1_048_576

    static func needsRebuild(entries: Int, forest: Int) -> Bool {
        entries > min(max(entriesBeforeRebuildMin, forest / forestFraction), entriesBeforeRebuildMax)
    }
}

/// One affiliate that joined after the forest was built.
struct OverlayEntry: BitwiseCopyable {
    var id: Int64
    /// A node number, or `Forest.noPosition` for a root.
    var parent: UInt32
    /// The forest's position before which it stands, in its level.
    var basePosition: UInt32
    /// Its place among all overlay entries, in breadth-first order.
    var rank: UInt32
    /// Root = 1.
    var level: UInt32
    var networkSize: UInt32
    var directReferrals: UInt32
    var profileOffset: UInt32
    var status: UInt8
}

/// The joins since the forest was built, held in the breadth-first order of forest and joins together.
///
/// Entries are numbered in the order they joined, and `order` lists them in breadth-first order. In that order parents never
/// descend, so "whose parent stands before this place" is found by binary search, and the entries below a range of nodes
/// are a range again, as in the forest.
struct Overlay {
    private(set) var count = 0
    private(set) var entries: Column<OverlayEntry>
    private(set) var order: Column<UInt32>
    private var index: IdentifierIndex
    private(set) var rootCount = 0

    init(capacity: Int = 16) {
        entries = Column(count: capacity)
        order = Column(count: capacity)
        index = IdentifierIndex(entriesMax: capacity)
    }

    func deallocate() {
        entries.deallocate()
        order.deallocate()
        index.slots.deallocate()
    }

    var bytes: Int { entries.bytes + order.bytes + index.slots.bytes }

    @inline(__always)
    func find(_ id: Int64) -> UInt32? { index.find(id) { entries[$0].id } }

    /// The entry at a place of the breadth-first order.
    @inline(__always)
    subscript(rank rank: UInt32) -> OverlayEntry { entries[order[rank]] }

    /// The first rank in `low..<high` for which `isBefore` is false; it is true for all before and false for all after.
    @inline(__always)
    func firstRank(from low: UInt32, to high: UInt32, notBefore isBefore: (OverlayEntry) -> Bool) -> UInt32 {
        var low = low
        var high = high
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[rank: middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Puts an entry at its `rank` and gives back its number. Its id must not be present.
    mutating func insert(_ entry: OverlayEntry) -> UInt32 {
        if count == entries.count { grow() }
        let number = UInt32(count)
        entries[number] = entry
        let rank = Int(entry.rank)
        for place in stride(from: count, to: rank, by: -1) {
            let moved = order[place - 1]
            order[place] = moved
            entries.start[Int(moved)].rank = UInt32(place)
        }
        order[rank] = number
        count += 1
        if entry.parent == Forest.noPosition { rootCount += 1 }
        _ = index.insert(number, id: entry.id) { entries[$0].id }
        return number
    }

    private mutating func grow() {
        let old = self
        entries = Column(count: old.entries.count * 2)
        order = Column(count: old.order.count * 2)
        index = IdentifierIndex(entriesMax: entries.count)
        entries.start.update(from: old.entries.start, count: count)
        order.start.update(from: old.order.start, count: count)
        for number in 0..<UInt32(count) { _ = index.insert(number, id: entries[number].id) { entries[$0].id } }
        old.deallocate()
    }
}
