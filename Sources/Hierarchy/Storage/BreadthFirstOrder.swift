/// The breadth-first order of everything reachable from the top, as references into an `Assembly`'s sources.
///
/// The order is its own queue: a parent's children are appended while later parents wait in it. So no recursion at any depth.
struct BreadthFirstOrder {
    private(set) var count = 0
    let references: Column<UInt32>
    let parents: Column<UInt32>
    let childStart: Column<UInt32>
    private(set) var levelStart: [UInt32] = [0]

    /// `detached` says of each of the forest's positions whether it leaves its sponsor; it is empty if none does.
    init(
        forest: Forest, top: UInt32, extras: ExtraChildren, detached: Column<Bool>, id: (UInt32) -> Int64
    ) {
        references = Column(count: Int(top))
        parents = Column(count: Int(top))
        childStart = Column(count: Int(top) + 1)
        let forestCount = UInt32(forest.count)
        let anyDetached = detached.count > 0

        func append(_ reference: UInt32, _ parent: UInt32) {
            references[count] = reference
            parents[count] = parent
            count += 1
        }
        func appendChildren(of reference: UInt32, at position: UInt32) {
            var from: UInt32 = 0
            var to: UInt32 = 0
            if reference == top {
                to = UInt32(forest.rootCount)
            } else if reference < forestCount {
                from = forest.childStart[reference]
                to = forest.childStart[reference + 1]
            }
            if !extras.isEmpty(reference) {
                for extra in extras.of(reference) {
                    let extraID = id(extra)
                    while from < to, forest.ids[from] < extraID {
                        if !anyDetached || !detached[from] { append(from, position) }
                        from += 1
                    }
                    append(extra, position)
                }
            }
            while from < to {
                if !anyDetached || !detached[from] { append(from, position) }
                from += 1
            }
        }

        appendChildren(of: top, at: Forest.noPosition)
        var position = 0
        var levelEnd = 0
        while position < count {
            if position == levelEnd {
                // All parents of the next level have been passed, so it ends here.
                levelEnd = count
                levelStart.append(UInt32(levelEnd))
            }
            childStart[position] = UInt32(count)
            appendChildren(of: references[position], at: UInt32(position))
            position += 1
        }
        childStart[count] = UInt32(count)
    }

    func deallocate() {
        references.deallocate()
        parents.deallocate()
        childStart.deallocate()
    }
}

extension Column {
    /// The first so many elements, in memory of their own.
    func prefixCopy(_ count: Int) -> Column {
        precondition(count <= self.count, "a prefix longer than the column")
        return Column(copying: Column(viewing: start, count: count))
    }
}

extension Array where Element: BitwiseCopyable {
    var asColumn: Column<Element> {
        let column = Column<Element>(count: count)
        for (i, element) in enumerated() { column[i] = element }
        return column
    }
}
