import Core
import Testing

@testable import Frames

@Suite("Fields of frames")
struct FieldTests {
    @Test("what is written is read back", arguments: samples)
    func roundTrip(sample: Sample) {
        #expect(sample.readsBack(sample.bytes) == true)
    }

    @Test("cut short anywhere, fields are refused", arguments: samples)
    func truncated(sample: Sample) {
        for length in 0..<sample.bytes.count {
            #expect(sample.readsBack(Array(sample.bytes.prefix(length))) == nil, "the first \(length) bytes")
        }
    }

    @Test("with a byte too many, fields are refused", arguments: samples)
    func tooLong(sample: Sample) {
        #expect(sample.readsBack(sample.bytes + [0]) == nil)
    }

    @Test("with any bit flipped, fields are refused or another value, never a trap", arguments: samples)
    func bitFlips(sample: Sample) {
        for at in sample.bytes.indices {
            for bit in 0..<8 {
                var bytes = sample.bytes
                bytes[at] ^= 1 << UInt8(bit)
                #expect(sample.readsBack(bytes) != true, "bit \(bit) of byte \(at)")
            }
        }
    }

    @Test("after one read past the end nothing more is read")
    func pastTheEnd() {
        [1, 2, 3, 4, 5, 6, 7].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            var reader = FieldReader(UnsafeRawBufferPointer(rebasing: bytes[..<7]))
            #expect(reader.integer(UInt64.self) == nil)
            #expect(reader.integer(UInt8.self) == nil)
            #expect(reader.bytes(0) == nil)
            #expect(reader.text() == nil)
            #expect(reader.rest().isEmpty)
            #expect(!reader.isAtEnd)
        }
    }

    @Test("a text that is not UTF-8, or longer than its frame, is refused")
    func badText() {
        #expect(read([2, 0, 0, 0, 0xc3, 0x28]) { $0.text() } == nil)
        #expect(read([0xff, 0xff, 0xff, 0xff, 0x61]) { $0.text() } == nil)
        #expect(read([1, 0, 0, 0, 0x61]) { $0.text() } == "a")
        #expect(read([2]) { $0.optionalText() } == nil)
        #expect(read([0]) { $0.optionalText() } == .some(nil))
    }

    @Test("more levels than there can be are refused before any memory is taken for them")
    func absurdLevels() throws {
        let statistics = ShardStatistics(
            shard: 1, epoch: 1, sequence: 1, affiliates: 1, roots: 1, byStatus: [], byLevel: [], structureBytes: 0,
            profileBytes: 0)
        var bytes = written(statistics.write)
        bytes.replaceSubrange((bytes.count - 4)..., with: [0xff, 0xff, 0xff, 0x7f])
        #expect(read(bytes) { ShardStatistics(from: &$0) } == nil)
    }

    @Test("statistics that cannot be true are not plausible")
    func implausible() {
        let good = ShardStatistics(
            shard: 255, epoch: 1, sequence: 1, affiliates: 1, roots: 1, byStatus: [1, 0, 0, 0], byLevel: [1], structureBytes: 0,
            profileBytes: 0)
        #expect(good.isPlausible)
        let changes: [(inout ShardStatistics) -> Void] = [
            { $0.shard = 256 }, { $0.affiliates = -1 }, { $0.roots = .max }, { $0.byStatus = [1] }, { $0.byStatus[2] = .min },
            { $0.byLevel = [.max] }, { $0.structureBytes = -1 }, { $0.profileBytes = .max },
        ]
        for (number, change) in changes.enumerated() {
            var bad = good
            change(&bad)
            #expect(!bad.isPlausible, "change \(number)")
        }
    }

    @Test("a set of shards knows what is in it, and who overlaps")
    func shardSets() {
        var odd = ShardSet()
        var even = ShardSet()
        for shard in 0..<ShardID.count { if shard % 2 == 0 { even.insert(ShardID(shard)) } else { odd.insert(ShardID(shard)) } }
        #expect(odd.count == 128 && even.count == 128 && odd.isDisjoint(with: even))
        even.insert(ShardID(255))
        #expect(!odd.isDisjoint(with: even))
        even.formUnion(odd)
        #expect(even == .all)
    }
}
