import Core
import Hierarchy

/// Compares a partition's answers with counts made another way: straight sums over the list of sponsors, level by level.
struct AnswerCheck {
    struct Difference: Error, CustomStringConvertible {
        let description: String
    }

    static let depth = 5

    /// Compares the direct referrals, network size and counts at each level down to `depth` of every affiliate.
    /// - Returns: how many affiliates were compared.
    /// - Throws: the first difference.
    static func run(_ network: MissionNetwork, _ partition: Partition) throws -> Int {
        let count = network.parents.count
        var sizes = [Int32](repeating: 0, count: count)
        // A sponsor's index is always below the referral's.
        for at in stride(from: count - 1, through: 0, by: -1) where network.parents[at] >= 0 {
            sizes[Int(network.parents[at])] += sizes[at] + 1
        }
        // How many stand `level` levels below each affiliate, from how many stand one level less below its referrals.
        var levels: [[Int32]] = [[Int32](repeating: 1, count: count)]
        for level in 1...depth {
            var below = [Int32](repeating: 0, count: count)
            for at in 0..<count where network.parents[at] >= 0 { below[Int(network.parents[at])] += levels[level - 1][at] }
            levels.append(below)
        }
        for at in 0..<count {
            let id = AffiliateID(network.ids[at])
            guard let node = partition.find(id) else { throw Difference(description: "affiliate \(id) is missing") }
            guard partition.networkSize(of: node) == Int(sizes[at]), partition.directReferrals(of: node) == Int(levels[1][at])
            else {
                throw Difference(description: "affiliate \(id) has another network size or number of direct referrals")
            }
            var deepest = 0
            var isEqual = true
            partition.levelCounts(below: node, depth: depth) { level, number in
                deepest = level
                if number != Int(levels[level][at]) { isEqual = false }
            }
            guard isEqual, deepest == depth || levels[deepest + 1][at] == 0 else {
                throw Difference(description: "affiliate \(id) has other counts by level")
            }
        }
        return count
    }
}
