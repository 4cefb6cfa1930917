/// All trees of one shard in breadth-first order: the part of a partition that never changes once built.
///
/// A position is an affiliate's place in the breadth-first order of the whole forest, as if every root were a child of one
/// root above them: level by level, siblings side by side and ascending by id. So the children of positions `a..<b` are
/// positions `childStart[a]..<childStart[b]`, and one range a level holds all descendants at that distance.
final class Forest: Sendable {
    /// Stands for "no parent" in `parents`.
    static let noPosition = UInt32.max
    /// Node numbers are 32 bits, one of them taken by `noPosition`.
    static let affiliatesMax = Int(UInt32.max) - 1

    let count: Int
    let rootCount: Int
    /// How many levels there are below nothing: 0 for an empty forest, 1 for roots alone.
    let levelCount: Int
    let ids: Column<Int64>
    let parents: Column<UInt32>
    /// `count + 1` entries; the last one is `count`.
    let childStart: Column<UInt32>
    /// `levelCount + 1` entries: level `l` (root = 1) is positions `levelStart[l - 1]..<levelStart[l]`.
    let levelStart: Column<UInt32>
    let index: IdentifierIndex
    let profileOffsets: Column<UInt32>
    let profiles: ProfileArena

    init(
        ids: Column<Int64>, parents: Column<UInt32>, childStart: Column<UInt32>, levelStart: Column<UInt32>,
        index: IdentifierIndex, profileOffsets: Column<UInt32>, profiles: ProfileArena
    ) {
        self.count = ids.count
        self.rootCount = Int(childStart[0])
        self.levelCount = levelStart.count - 1
        self.ids = ids
        self.parents = parents
        self.childStart = childStart
        self.levelStart = levelStart
        self.index = index
        self.profileOffsets = profileOffsets
        self.profiles = profiles
    }

    /// The forest of a shard that has nobody; made anew each time, for it owns its columns.
    static var empty: Forest {
        Forest(
            ids: Column(count: 0), parents: Column(count: 0), childStart: Column(repeating: 0, count: 1),
            levelStart: Column(repeating: 0, count: 1), index: IdentifierIndex(entriesMax: 0),
            profileOffsets: Column(count: 0), profiles: ProfileArena())
    }

    deinit {
        ids.deallocate()
        parents.deallocate()
        childStart.deallocate()
        levelStart.deallocate()
        index.slots.deallocate()
        profileOffsets.deallocate()
    }

    var structureBytes: Int {
        ids.bytes + parents.bytes + childStart.bytes + levelStart.bytes + index.slots.bytes + profileOffsets.bytes
    }
}
