import Core
import Testing

@testable import Ownership

@Suite("Loads over several leases")
struct LeaseGenerationTests {
    private static let me = WorkerInstanceID(9)

    @Test("a load that was begun under an earlier lease is a copy to be brought up to date; one of this lease is served")
    func earlier() {
        for (age, actions) in [(UInt64(1), [ShardDuty.Action.follow(to: 0)]), (0, [.serve(Epoch(6))])] {
            var duty = ShardDuty(ShardID(3), of: Self.me, generation: 5)
            #expect(duty.topology(owner: Self.me, epoch: Epoch(6), now: 1) == [.load])
            let begun = duty.generation - age
            #expect(duty.wantsLoad(of: begun))
            #expect(duty.loaded(at: 12, of: begun, now: 1) == actions)
        }
    }

    @Test("nothing is wanted of a generation that has not been")
    func later() {
        var duty = ShardDuty(ShardID(3), of: Self.me, generation: 5)
        _ = duty.topology(owner: Self.me, epoch: Epoch(6), now: 1)
        #expect(!duty.wantsLoad(of: duty.generation + 1))
    }
}
