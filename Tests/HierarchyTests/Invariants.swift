import Core

@testable import Hierarchy

extension Partition {
    /// What is wrong with the arrays and the overlay as such; empty if nothing is.
    func checkInvariants() -> [String] {
        var broken: [String] = []
        func require(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds { broken.append(what()) } }
        let count = forest.count

        require(Int(childStart[count]) == count, "the last childStart is the count")
        require(Int(forest.levelStart[forest.levelCount]) == count, "the last level ends at the count")
        for position in 0..<count {
            require(childStart[position] <= childStart[position + 1], "childStart descends at \(position)")
            require(Int(childStart[position]) > position, "children of \(position) do not stand behind it")
            for child in childStart[position]..<childStart[position + 1] {
                require(Int(parents[child]) == position, "position \(child) has another parent than \(position)")
            }
            if position > 0, parents[position] == parents[position - 1] {
                require(ids[position - 1] < ids[position], "siblings at \(position) are not ascending")
            }
            require(
                (parents[position] == Forest.noPosition) == (position < forest.rootCount), "position \(position) as a root")
            require(find(AffiliateID(ids[position])) == Node(number: UInt32(position)), "position \(position) is not found")
        }
        for level in 0..<forest.levelCount {
            let (from, to) = (forest.levelStart[level], forest.levelStart[level + 1])
            require(from < to, "level \(level + 1) is empty")
            require(to == childStart[from], "level \(level + 2) does not start where the children do")
        }
        broken += overlayViolations() + sizeViolations()
        return broken
    }

    private func overlayViolations() -> [String] {
        var broken: [String] = []
        for rank in 0..<UInt32(overlay.count) {
            let entry = overlay[rank: rank]
            if entry.rank != rank { broken.append("rank \(rank) is not known to its entry") }
            if find(AffiliateID(entry.id)) != Node(number: forestCount + overlay.order[rank]) {
                broken.append("overlay entry \(entry.id) is not found")
            }
        }
        // In the merged order parents never step back, and siblings ascend by id.
        var previous: (parentPlace: Int, id: Int64)?
        var places: [UInt32: Int] = [:]
        for (place, number) in mergedOrder().enumerated() {
            places[number] = place
            let parent = parentNumber(number)
            guard let parentPlace = parent == Forest.noPosition ? -1 : places[parent] else {
                broken.append("\(rawID(number)) stands before its sponsor")
                continue
            }
            if let previous, (previous.parentPlace, previous.id) >= (parentPlace, rawID(number)) {
                broken.append("\(rawID(number)) stands in the wrong place")
            }
            previous = (parentPlace, rawID(number))
        }
        if places.count != affiliateCount { broken.append("the merged order has \(places.count) of \(affiliateCount)") }
        return broken
    }

    /// All node numbers in the merged breadth-first order.
    func mergedOrder() -> [UInt32] {
        var result: [UInt32] = []
        var (low, high) = (start, rootsEnd)
        while low != high {
            var at = low
            while at != high { result.append(next(&at, high)) }
            (low, high) = (down(low), down(high))
        }
        return result
    }

    private func sizeViolations() -> [String] {
        var sizes: [UInt32: Int] = [:]
        var directsOf: [UInt32: Int] = [:]
        for number in mergedOrder().reversed() {
            let parent = parentNumber(number)
            if parent != Forest.noPosition {
                sizes[parent, default: 0] += 1 + sizes[number, default: 0]
                directsOf[parent, default: 0] += 1
            }
        }
        return mergedOrder().compactMap { number in
            let node = Node(number: number)
            return networkSize(of: node) == sizes[number, default: 0]
                && directReferrals(of: node) == directsOf[number, default: 0]
                ? nil : "the counters of \(rawID(number)) are wrong"
        }
    }
}
