import Core

/// Makes a partition out of a snapshot and arriving rows: one breadth-first pass, linear in what comes out.
///
/// Three sources are numbered through as *references*: the snapshot's forest, its overlay, the arriving rows, and behind them the
/// `top`, the parent of all roots. What is already a sibling range in the forest is copied as a range; every affiliate
/// that gets its place only now (overlay, arrivals, moved subtrees) is an *extra child* of its parent's reference, merged into that
/// range by id. Subtrees that leave are skipped where their first member would be copied, so nothing below is reached.
final class Assembly {
    private let snapshot: PartitionSnapshot
    private let forest: Forest
    private let arrivals: ArrivingRows
    private let arrivalIndex: IdentifierIndex
    private let overlayIndex: IdentifierIndex

    private let overlayFrom: UInt32
    private let arrivalsFrom: UInt32
    private let top: UInt32

    /// What leaves its old place, and where it goes: nil leaves for good. By reference.
    private var detached: [UInt32: UInt32?] = [:]
    /// Parents of arriving rows, as references.
    private let arrivalParents: Column<UInt32>

    init(_ snapshot: PartitionSnapshot, _ arrivals: ArrivingRows) {
        self.snapshot = snapshot
        self.forest = snapshot.forest
        self.arrivals = arrivals
        overlayFrom = UInt32(truncatingIfNeeded: snapshot.forest.count)
        arrivalsFrom = UInt32(truncatingIfNeeded: snapshot.forest.count + snapshot.overlay.count)
        top = UInt32(truncatingIfNeeded: snapshot.forest.count + snapshot.overlay.count + arrivals.count)
        arrivalIndex = IdentifierIndex(entriesMax: arrivals.count)
        let entries = snapshot.overlay.entries
        overlayIndex = IdentifierIndex(entriesMax: entries.count)
        for number in 0..<UInt32(entries.count) {
            _ = overlayIndex.insert(number, id: entries[number].id) { entries[$0].id }
        }
        arrivalParents = Column(count: arrivals.count)
    }

    deinit {
        arrivalIndex.slots.deallocate()
        overlayIndex.slots.deallocate()
        arrivalParents.deallocate()
    }

    // MARK: Who goes where

    /// Looks up everyone the edit and the arriving rows name.
    func plan(_ edit: PartitionEdit) throws(PartitionError) {
        let total = forest.count + snapshot.overlay.count + arrivals.count
        guard total <= Forest.affiliatesMax else { throw .tooManyAffiliates(arrivals.ids.last ?? 0) }
        guard forest.profiles.count + snapshot.overlayProfiles.count + arrivals.profiles.count <= ProfileArena.bytesMax else {
            throw .profilesTooLarge(id: arrivals.ids.last ?? 0)
        }
        try resolveArrivals()
        for id in edit.removed {
            guard let reference = findPresent(id.rawValue) else { throw .unknownAffiliate(id.rawValue) }
            detached[reference] = .some(nil)
        }
        for move in edit.moved {
            guard let reference = findPresent(move.id.rawValue) else { throw .unknownAffiliate(move.id.rawValue) }
            var target = top
            if let parent = move.parent {
                guard let found = find(parent.rawValue) else { throw .orphan(move.id.rawValue, parent: parent.rawValue) }
                target = found
            }
            detached[reference] = .some(target)
        }
    }

    private func resolveArrivals() throws(PartitionError) {
        let count = UInt32(arrivals.count)
        let duplicate: Int64? = arrivals.ids.withUnsafeBufferPointer { ids in
            for row in 0..<count {
                let id = ids[Int(row)]
                if arrivalIndex.insert(row, id: id, idAt: { ids[Int($0)] }) != nil { return id }
            }
            return nil
        }
        if let duplicate { throw .duplicateIdentifier(duplicate) }
        let orphan: Int? = arrivals.ids.withUnsafeBufferPointer { ids in
            arrivals.parents.withUnsafeBufferPointer { parents in
                for row in 0..<Int(count) {
                    let parent = parents[row]
                    if parent == 0 {
                        arrivalParents[row] = top
                    } else if let found = arrivalIndex.find(parent, idAt: { ids[Int($0)] }) {
                        arrivalParents[row] = arrivalsFrom + found
                    } else if let found = findPresent(parent) {
                        arrivalParents[row] = found
                    } else {
                        return row
                    }
                }
                return nil
            }
        }
        if let orphan { throw .orphan(arrivals.ids[orphan], parent: arrivals.parents[orphan]) }
    }

    private func findPresent(_ id: Int64) -> UInt32? {
        forest.index.find(id) { forest.ids[$0] }
            ?? overlayIndex.find(id) { snapshot.overlay.entries[$0].id }.map { overlayFrom + $0 }
    }

    private func find(_ id: Int64) -> UInt32? {
        arrivals.ids.withUnsafeBufferPointer { ids in arrivalIndex.find(id) { ids[Int($0)] } }.map { arrivalsFrom + $0 }
            ?? findPresent(id)
    }

    private func rawID(_ reference: UInt32) -> Int64 {
        if reference < overlayFrom { return forest.ids[reference] }
        if reference < arrivalsFrom { return snapshot.overlay.entries[reference - overlayFrom].id }
        return arrivals.ids[Int(reference - arrivalsFrom)]
    }

    private func parentReference(_ reference: UInt32) -> UInt32 {
        if let target = detached[reference] { return target ?? Forest.noPosition }
        let parent: UInt32
        if reference < overlayFrom {
            parent = forest.parents[reference]
        } else if reference < arrivalsFrom {
            parent = snapshot.overlay.entries[reference - overlayFrom].parent
        } else {
            return arrivalParents[reference - arrivalsFrom]
        }
        return parent == Forest.noPosition ? top : parent
    }

    // MARK: The new order

    /// The partition, or why there is none: `cycle`, `orphan` (below a removed subtree), `duplicateIdentifier`.
    func finish() throws(PartitionError) -> sending Partition {
        let extras = ExtraChildren(
            count: snapshot.overlay.count + arrivals.count + detached.count, parents: Int(top) + 1,
            list: { add in
                for rank in 0..<UInt32(self.snapshot.overlay.count) {
                    let reference = self.overlayFrom + self.snapshot.overlay.order[rank]
                    if self.detached.isEmpty || self.detached[reference] == nil {
                        add(reference, self.parentReference(reference))
                    }
                }
                for row in 0..<UInt32(self.arrivals.count) { add(self.arrivalsFrom + row, self.arrivalParents[row]) }
                for (reference, target) in self.detached { if let target { add(reference, target) } }
            },
            id: { self.rawID($0) })
        defer { extras.deallocate() }
        let leaving = Column<Bool>(repeating: false, count: detached.isEmpty ? 0 : forest.count)
        defer { leaving.deallocate() }
        for reference in detached.keys where reference < overlayFrom { leaving[reference] = true }
        let order = BreadthFirstOrder(forest: forest, top: top, extras: extras, detached: leaving, id: { self.rawID($0) })
        defer { order.deallocate() }
        if order.count < Int(top) { try checkAllArrived(order) }
        return try materialise(order)
    }

    /// Arriving and moved affiliates must have been reached; those that left need not.
    private func checkAllArrived(_ order: BreadthFirstOrder) throws(PartitionError) {
        let reached = Column<Bool>(repeating: false, count: Int(top))
        defer { reached.deallocate() }
        for position in 0..<order.count { reached[order.references[position]] = true }
        for reference in arrivalsFrom..<top where !reached[reference] { throw whyUnreached(reference) }
        for (reference, target) in detached where target != nil && !reached[reference] { throw whyUnreached(reference) }
    }

    private func whyUnreached(_ reference: UInt32) -> PartitionError {
        var at = reference
        for _ in 0..<top {
            let parent = parentReference(at)
            if parent == Forest.noPosition { return .orphan(rawID(reference), parent: rawID(at)) }
            at = parent
        }
        return .cycle(rawID(at))
    }

    // MARK: The new arrays

    private func materialise(_ order: BreadthFirstOrder) throws(PartitionError) -> sending Partition {
        let count = order.count
        let profiles = MergedProfiles(
            forest.profiles, snapshot.overlayProfiles, arrivals.profiles, compacting: count < Int(top))
        let ids = Column<Int64>(count: count)
        let statuses = Column<UInt8>(count: count)
        let offsets = Column<UInt32>(count: count)
        let overlay = snapshot.overlay.entries
        arrivals.ids.withUnsafeBufferPointer { arrivalIDs in
            arrivals.statuses.withUnsafeBufferPointer { arrivalStatuses in
                arrivals.profileOffsets.withUnsafeBufferPointer { arrivalOffsets in
                    for position in 0..<count {
                        let reference = order.references[position]
                        if reference < overlayFrom {
                            ids[position] = forest.ids[reference]
                            statuses[position] = snapshot.statuses[reference]
                            offsets[position] = profiles.offset(forest: forest.profileOffsets[reference])
                        } else if reference < arrivalsFrom {
                            let entry = overlay[reference - overlayFrom]
                            ids[position] = entry.id
                            statuses[position] = entry.status
                            offsets[position] = profiles.offset(overlay: entry.profileOffset)
                        } else {
                            let row = Int(reference - arrivalsFrom)
                            ids[position] = arrivalIDs[row]
                            statuses[position] = arrivalStatuses[row]
                            offsets[position] = profiles.offset(arrival: arrivalOffsets[row])
                        }
                    }
                }
            }
        }
        profiles.arena.trim()
        let networkSizes = Column<UInt32>(repeating: 0, count: count)
        for position in stride(from: count - 1, through: 0, by: -1) {
            let parent = order.parents[position]
            if parent != Forest.noPosition { networkSizes[parent] += networkSizes[position] + 1 }
        }
        let index = IdentifierIndex(entriesMax: count)
        var duplicate: Int64?
        for position in 0..<UInt32(count) {
            if index.insert(position, id: ids[position], idAt: { ids[$0] }) != nil { duplicate = ids[position] }
        }
        let result = Forest(
            ids: ids, parents: order.parents.prefixCopy(count), childStart: order.childStart.prefixCopy(count + 1),
            levelStart: order.levelStart.asColumn, index: index, profileOffsets: offsets, profiles: profiles.arena)
        if let duplicate {
            statuses.deallocate()
            networkSizes.deallocate()
            throw .duplicateIdentifier(duplicate)
        }
        return Partition(shard: snapshot.shard, forest: result, statuses: statuses, networkSizes: networkSizes)
    }
}
