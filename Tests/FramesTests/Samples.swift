import Core
import Testing

@testable import Frames

/// Bytes written by `body`.
func written(_ body: (ByteBuilder) -> Void) -> [UInt8] {
    let builder = ByteBuilder(capacity: 64)
    body(builder)
    return Array(builder.bytes)
}

/// Reads `T` from all of `bytes`; nil if they are not exactly one.
func read<T>(_ bytes: [UInt8], _ make: (inout FieldReader) -> T?) -> T? {
    bytes.withUnsafeBytes { raw in
        var reader = FieldReader(raw)
        guard let value = make(&reader), reader.isAtEnd else { return nil }
        return value
    }
}

/// One kind of fields: how it is written, and whether bytes are read as the same value.
struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// Reads the bytes; true if that gave the value that was written, false if another, nil if none.
    let readsBack: @Sendable ([UInt8]) -> Bool?
    var testDescription: String { name }

    init<T: Equatable & Sendable>(
        _ name: String, _ value: T, write: (ByteBuilder) -> Void, read make: @escaping @Sendable (inout FieldReader) -> T?
    ) {
        self.name = name
        bytes = written(write)
        readsBack = { bytes in read(bytes, make).map { $0 == value } }
    }
}

private let origin = ChangeOrigin(actor: "api", requestID: "0123-ü")
private let about = AffiliateQuestion(sequence: 1 << 40, affiliate: AffiliateID(.max))
private let cursor = NetworkCursor(levelDistance: 7, parent: AffiliateID(8), affiliate: AffiliateID(9))

private func join(_ affiliate: AffiliateID?, _ parent: AffiliateID?, isFull: Bool) -> JoinOrder {
    JoinOrder(
        origin: isFull ? origin : ChangeOrigin(actor: ""), sequence: -1, affiliate: affiliate, parent: parent,
        status: isFull ? .banned : .active,
        profile: AffiliateProfile(
            externalID: "E-1", referralCode: isFull ? "" : nil, name: "Ana 💡", email: isFull ? "a@b.c" : nil,
            phone: isFull ? "1" : nil, document: isFull ? "2" : nil, category: "gold", registrationMicroseconds: .min))
}

/// Every structure that travels in a frame, each with and without its optional parts.
let samples: [Sample] = {
    var all: [Sample] = []
    for question in [about, AffiliateQuestion(sequence: 0, affiliate: AffiliateID(1))] {
        all.append(Sample("AffiliateQuestion", question, write: question.write) { AffiliateQuestion(from: &$0) })
    }
    for status in AffiliateStatus.allCases.map(Optional.some) + [nil] {
        for cursor in [cursor, nil] {
            let question = NetworkQuestion(about: about, depth: .max, limit: 0, status: status, cursor: cursor)
            all.append(Sample("NetworkQuestion \(question)", question, write: question.write) { NetworkQuestion(from: &$0) })
        }
    }
    for metric in RankingMetric.allCases {
        let question = RankingQuestion(metric: metric, limit: 1000)
        all.append(Sample("RankingQuestion \(metric)", question, write: question.write) { RankingQuestion(from: &$0) })
    }
    let ranked = RankedAffiliate(affiliate: AffiliateID(5), value: .min)
    all.append(Sample("RankedAffiliate", ranked, write: ranked.write) { RankedAffiliate(from: &$0) })
    for order in [join(nil, nil, isFull: false), join(AffiliateID(3), AffiliateID(4), isFull: true)] {
        all.append(Sample("JoinOrder", order, write: order.write) { JoinOrder(from: &$0) })
    }
    for status in AffiliateStatus.allCases {
        let order = StatusOrder(origin: origin, about: about, status: status)
        all.append(Sample("StatusOrder \(status)", order, write: order.write) { StatusOrder(from: &$0) })
    }
    for parent in [AffiliateID(77), nil] {
        let order = MoveOrder(origin: origin, about: about, newParent: parent, reason: "because\n\"so\"")
        all.append(Sample("MoveOrder to \(parent?.description ?? "nobody")", order, write: order.write) { MoveOrder(from: &$0) })
    }
    let receipt = MoveReceipt(targetShard: 255, targetSequence: 3, oldParent: 0, movedCount: 532_363)
    all.append(Sample("MoveReceipt", receipt, write: receipt.write) { MoveReceipt(from: &$0) })
    for levels in [0, 1, 31] {
        let statistics = ShardStatistics(
            shard: 17, epoch: 4, sequence: 99, affiliates: 12, roots: 2, byStatus: [9, 1, 1, 1],
            byLevel: (0..<Int64(levels)).map { $0 }, structureBytes: 1 << 33, profileBytes: 5)
        all.append(
            Sample("ShardStatistics, \(levels) levels", statistics, write: statistics.write) { ShardStatistics(from: &$0) })
    }
    var some = ShardSet()
    for shard in [0, 63, 64, 127, 128, 255] { some.insert(ShardID(shard)) }
    for set in [ShardSet(), some, .all] {
        all.append(Sample("ShardSet of \(set.count)", set, write: set.write) { ShardSet(from: &$0) })
    }
    return all
}()
