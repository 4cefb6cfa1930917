/// A place between two neighbours of the breadth-first order of forest and overlay together.
///
/// Before it stand the forest's positions below `base` and the overlay's ranks below `overlay`.
struct Cut: Hashable {
    var base: UInt32
    var overlay: UInt32

    /// How many affiliates stand between an earlier cut and this one.
    @inline(__always)
    func count(since start: Cut) -> Int { Int(base - start.base) + Int(overlay - start.overlay) }
}

extension Partition {
    @inline(__always)
    func cut(before node: Node) -> Cut {
        let position = node.number
        if overlay.count == 0 { return Cut(base: position, overlay: 0) }
        if position >= forestCount {
            let entry = overlay.entries[position - forestCount]
            return Cut(base: entry.basePosition, overlay: entry.rank)
        }
        return Cut(
            base: position,
            overlay: overlay.firstRank(from: 0, to: UInt32(overlay.count)) { $0.basePosition <= position })
    }

    @inline(__always)
    func cut(after node: Node) -> Cut {
        var cut = cut(before: node)
        if node.number >= forestCount { cut.overlay += 1 } else { cut.base += 1 }
        return cut
    }

    /// Where the children of those before a cut end.
    @inline(__always)
    func down(_ cut: Cut) -> Cut {
        let base = childStart[cut.base]
        if overlay.count == 0 { return Cut(base: base, overlay: 0) }
        let rank = overlay.firstRank(from: cut.overlay, to: UInt32(overlay.count)) { entry in
            if entry.parent == Forest.noPosition { return true }
            if entry.parent < forestCount { return entry.parent < cut.base }
            return overlay.entries[entry.parent - forestCount].rank < cut.overlay
        }
        return Cut(base: base, overlay: rank)
    }

    var start: Cut { Cut(base: 0, overlay: 0) }
    var rootsEnd: Cut { Cut(base: UInt32(forest.rootCount), overlay: UInt32(overlay.rootCount)) }

    /// The children of a node, or the roots for nil.
    func children(of parent: Node?) -> (start: Cut, end: Cut) {
        guard let parent else { return (start, rootsEnd) }
        return (down(cut(before: parent)), down(cut(after: parent)))
    }

    /// The place right after the child with this id, or where it would stand if there is none.
    func cut(afterChild id: Int64, of parent: Node?) -> Cut {
        let (start, end) = children(of: parent)
        var low = start.base
        var high = end.base
        while low < high {
            let middle = low + (high - low) / 2
            if ids[middle] <= id { low = middle + 1 } else { high = middle }
        }
        return Cut(base: low, overlay: overlay.firstRank(from: start.overlay, to: end.overlay) { $0.id <= id })
    }
}
