import Core
import Testing

@testable import Gateway

@Suite("Where affiliates are, as a gateway believes")
struct AffiliateDirectoryTests {
    @Test("what was inserted is found, what was not is not, at the fullest the table can be")
    func fullTable() {
        let table = AffiliateDirectoryTable(expected: 10)
        var model: [Int64: UInt16] = [:]
        var random = SystemRandomNumberGenerator()
        while true {
            let id = Int64.random(in: 1...200, using: &random)
            let shard = UInt16.random(in: 0..<256, using: &random)
            guard table.insert(id, shard: shard) else { break }
            model[id] = shard
        }
        #expect(model.count >= 10)
        #expect(table.count == model.count)
        for id in Int64(1)...200 { #expect(table.shard(of: id) == model[id]) }
        #expect(table.shardCounts.reduce(0, +) == model.count)
        for (shard, count) in table.shardCounts.enumerated() { #expect(count == model.values.count { $0 == UInt16(shard) }) }
        let larger = table.grown()
        for id in Int64(1)...200 { #expect(larger.shard(of: id) == model[id]) }
        #expect(larger.insert(1000, shard: 1) && larger.count == model.count + 1)
    }

    @Test("ids and shards that cannot be are not inserted, and looking for them is no harm")
    func invalid() {
        let table = AffiliateDirectoryTable(expected: 0)
        #expect(!table.insert(0, shard: 1) && !table.insert(-1, shard: 1) && !table.insert(1, shard: 256))
        #expect(table.count == 0)
        for id in [-1, .min, .max, 1] as [Int64] { #expect(table.shard(of: id) == nil) }
    }

    @Test("what a loop learns counts before the table, until the table is replaced")
    func learning() {
        let table = AffiliateDirectoryTable(expected: 10)
        _ = table.insert(5, shard: 1)
        var directory = AffiliateDirectory(table)
        #expect(directory.shard(of: AffiliateID(5)) == ShardID(1))
        _ = directory.learn(AffiliateID(5), ShardID(2))
        _ = directory.learn(AffiliateID(6), ShardID(3))
        #expect(directory.shard(of: AffiliateID(5)) == ShardID(2) && directory.shard(of: AffiliateID(6)) == ShardID(3))
        directory.forget(AffiliateID(6))
        #expect(directory.shard(of: AffiliateID(6)) == nil)
        directory.replaceTable(table)
        #expect(directory.shard(of: AffiliateID(5)) == ShardID(1))
    }

    @Test("after enough has been learned it is time for a new table, once")
    func rebuild() {
        var directory = AffiliateDirectory(AffiliateDirectoryTable(expected: 1))
        let due = (1...Int64(8192)).filter { directory.learn(AffiliateID($0), ShardID(0)) }
        #expect(due == [4096, 8192])
    }

    @Test("a new root goes to the lightest of the shards that are served")
    func lightestShard() {
        let table = AffiliateDirectoryTable(expected: 2000)
        for id in 1...1000 { _ = table.insert(Int64(id), shard: UInt16(id % 256)) }
        let directory = AffiliateDirectory(table)
        #expect(directory.lightestShard { _ in false } == nil)
        #expect(directory.lightestShard { _ in true } == ShardID(0))
        #expect(directory.lightestShard { $0.rawValue > 200 } == ShardID(233))
    }
}
