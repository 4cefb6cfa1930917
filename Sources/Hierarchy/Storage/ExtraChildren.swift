/// Children that are not a range of the old forest, grouped by parent, each group ascending by id.
struct ExtraChildren {
    private let start: Column<UInt32>
    private let children: Column<UInt32>

    /// `list` must call `add(child, parent)` the same way each time it runs, at most `count` times.
    init(
        count: Int, parents: Int, list: ((_ child: UInt32, _ parent: UInt32) -> Void) -> Void, id: (UInt32) -> Int64
    ) {
        let start = Column<UInt32>(repeating: 0, count: parents + 1)
        let children = Column<UInt32>(count: count)
        // A counting sort by parent: group sizes, their ends, then filled from the front of each group.
        list { _, parent in start[parent + 1] += 1 }
        for parent in 0..<parents { start[parent + 1] += start[parent] }
        list { child, parent in
            children[start[parent]] = child
            start[parent] += 1
        }
        // Filling moved each start to its group's end, which is the next one's start: shift back by one.
        for parent in stride(from: parents, to: 0, by: -1) { start[parent] = start[parent - 1] }
        start[0] = 0
        self.start = start
        self.children = children
        for parent in 0..<parents where start[parent] + 1 < start[parent + 1] {
            let group = UnsafeMutableBufferPointer(
                start: children.start + Int(start[parent]), count: Int(start[parent + 1] - start[parent]))
            Self.sort(group, id)
        }
    }

    /// Sorts a group by id; one that came in order, as most do, is only read.
    private static func sort(_ group: UnsafeMutableBufferPointer<UInt32>, _ id: (UInt32) -> Int64) {
        var previous = id(group[0])
        for i in 1..<group.count {
            let next = id(group[i])
            if next < previous {
                let keyed = group.map { (id: id($0), child: $0) }.sorted { $0.id < $1.id }
                for (j, entry) in keyed.enumerated() { group[j] = entry.child }
                return
            }
            previous = next
        }
    }

    @inline(__always)
    func isEmpty(_ parent: UInt32) -> Bool { start[parent] == start[parent + 1] }

    /// One parent's extra children, ascending by id.
    @inline(__always)
    func of(_ parent: UInt32) -> UnsafeBufferPointer<UInt32> {
        UnsafeBufferPointer(
            start: children.start + Int(start[parent]), count: Int(start[parent + 1] - start[parent]))
    }

    func deallocate() {
        start.deallocate()
        children.deallocate()
    }
}
