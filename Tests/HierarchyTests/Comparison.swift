import Core

@testable import Hierarchy

extension Partition {
    /// Where this partition and the model disagree about one affiliate.
    func differences(
        from model: ModelForest, about id: AffiliateID, using random: inout SeededGenerator
    ) throws -> [String] {
        guard let node = find(id) else { return model.rows[id] == nil ? [] : ["\(id) is missing"] }
        guard let expected = model.rows[id] else { return ["\(id) should not be there"] }
        var different: [String] = []
        func same<T: Equatable>(_ what: String, _ mine: T, _ theirs: T) {
            if mine != theirs { different.append("\(what) of \(id): \(mine), not \(theirs)") }
        }
        let depth = random.chance(30) ? Int.max : Int.random(in: 0...4, using: &random)
        let status = random.chance(50) ? nil : AffiliateStatus.allCases.randomElement(using: &random)
        let levels = model.levels(below: id, depth: depth)
        let upline = model.upline(id)

        same("row", row(of: node), expected)
        same("directs", directReferrals(of: node), model.directs(id).count)
        same("network size", networkSize(of: node), model.networkSize(id))
        same("level", level(of: node), upline.count + 1)
        same("level counts", counts(id.rawValue, depth: depth), levels.map(\.count))
        var mine: [AffiliateID] = []
        self.upline(of: node) { ancestor, distance in
            mine.append(self.id(of: ancestor))
            if distance != mine.count { different.append("distance \(distance) of \(id)'s ancestor \(mine.count)") }
        }
        same("upline", mine, upline)

        var statuses = StatusCounts()
        for member in levels.joined() { if let row = model.rows[member] { statuses[row.status] += 1 } }
        same("status counts", statusCounts(below: node, depth: depth), statuses)

        let members = levels.enumerated().flatMap { level, ids in
            ids.compactMap { model.member($0, levelDistance: level + 1) }.filter { status == nil || $0.status == status }
        }
        var shown: [Member] = []
        var cursor: PageCursor?
        let limit = Int.random(in: 1...7, using: &random)
        repeat {
            cursor = try self.members(below: node, depth: depth, after: cursor, limit: limit, status: status) { shown.append($0) }
        } while cursor != nil
        same("members", shown, members)

        if let other = model.rows.keys.randomElement(using: &random), let otherNode = find(other) {
            same("descent from \(other)", isDescendant(node, of: otherNode), upline.contains(other))
        }
        return different
    }

    /// Where this partition and the model disagree about everyone together.
    func differences(from model: ModelForest, using random: inout SeededGenerator) throws -> [String] {
        var different = checkInvariants()
        func same<T: Equatable>(_ what: String, _ mine: T, _ theirs: T) {
            if mine != theirs { different.append("\(what): \(mine), not \(theirs)") }
        }
        for id in model.rows.keys.sorted() { different += try differences(from: model, about: id, using: &random) }
        same("affiliates", affiliateCount, model.rows.count)
        same("roots", rootCount, model.directs(nil).count)
        same("levels", levelTotals, model.levels(below: nil, depth: .max).map(\.count))
        for status in AffiliateStatus.allCases {
            same("\(status)", statusTotals[status], model.rows.values.count { $0.status == status })
        }
        let limit = Int.random(in: 1...8, using: &random)
        same("directs ranking", top(by: .directReferrals, limit: limit), model.ranking(limit: limit) { model.directs($0).count })
        same("size ranking", top(by: .networkSize, limit: limit), model.ranking(limit: limit) { model.networkSize($0) })
        return different
    }
}

extension ModelForest {
    func member(_ id: AffiliateID, levelDistance: Int) -> Member? {
        guard let row = rows[id], let parent = row.parent else { return nil }
        return Member(
            id: id, parent: parent, levelDistance: levelDistance, status: row.status, directReferrals: directs(id).count)
    }
}
