import Core
import Testing

@testable import Ownership

@Suite("What a gateway knows of owners")
struct RouteTableTests {
    private let shard = ShardID(3)
    private let a = WorkerInstanceID(1)
    private let b = WorkerInstanceID(2)

    @Test("an older epoch is never gone back to, whoever speaks of it")
    func neverBack() {
        var table = RouteTable()
        #expect(table.learn(shard, owner: a, epoch: Epoch(5)) == true)
        #expect(table.learn(shard, owner: b, epoch: Epoch(4)) == false)
        #expect(table.moved(shard, to: b, epoch: Epoch(4), sentBy: table[shard]) == .park)
        #expect(table[shard] == .init(owner: a, epoch: Epoch(5)))
    }

    @Test("a shard that was taken from its owner has none at the same epoch, and does not get the same one back")
    func freed() {
        var table = RouteTable()
        _ = table.learn(shard, owner: a, epoch: Epoch(5))
        #expect(table.learn(shard, owner: nil, epoch: Epoch(5)) == true)
        #expect(table.learn(shard, owner: a, epoch: Epoch(5)) == false)
    }

    @Test("a request that was answered `moved` goes to the new owner at once")
    func moved() {
        var table = RouteTable()
        _ = table.learn(shard, owner: a, epoch: Epoch(5))
        let sent = table[shard]
        #expect(table.moved(shard, to: b, epoch: Epoch(6), sentBy: sent) == .sendAgain)
        #expect(table[shard].owner == b)
        // The next one that was sent by the old route need not be told again.
        #expect(table.notOwner(shard, sentBy: sent) == .sendAgain)
    }

    @Test("a target that has not seen the commit is asked again later; one that knows nothing is believed")
    func early() {
        var table = RouteTable()
        _ = table.learn(shard, owner: b, epoch: Epoch(6))
        let sent = table[shard]
        #expect(table.notYet(shard, sentBy: sent) == .park)
        #expect(table.moved(shard, to: a, epoch: Epoch(5), sentBy: sent) == .park)
        #expect(table.notOwner(shard, sentBy: sent) == .refuse)
    }
}
