import Core

/// What a worker knows of one of its shards.
package struct ShardStatistics: Equatable, Sendable {
    package var shard: UInt16
    package var epoch: Int64
    package var sequence: ChangeSequence
    package var affiliates: Int64
    package var roots: Int64
    /// By `AffiliateStatus.rawValue`.
    package var byStatus: [Int64]
    /// Affiliates at hierarchy level 1, 2, 3, …
    package var byLevel: [Int64]
    /// Bytes of memory, without profiles and of profiles.
    package var structureBytes: Int64
    package var profileBytes: Int64

    package static let levelsMax = 1 << 16
    /// No count of anything is larger; sums over all shards stay far from overflow.
    package static let countMax: Int64 = 1 << 48

    /// Whether this can be true of some shard: what arrives in a frame is looked at before it is added up.
    package var isPlausible: Bool {
        let range = 0...Self.countMax
        return Int(shard) < ShardID.count && byStatus.count == AffiliateStatus.allCases.count
            && [affiliates, roots, structureBytes, profileBytes].allSatisfy(range.contains)
            && byStatus.allSatisfy(range.contains) && byLevel.allSatisfy(range.contains)
    }

    package init(
        shard: UInt16, epoch: Int64, sequence: ChangeSequence, affiliates: Int64, roots: Int64, byStatus: [Int64],
        byLevel: [Int64],
        structureBytes: Int64, profileBytes: Int64
    ) {
        self.shard = shard
        self.epoch = epoch
        self.sequence = sequence
        self.affiliates = affiliates
        self.roots = roots
        self.byStatus = byStatus
        self.byLevel = byLevel
        self.structureBytes = structureBytes
        self.profileBytes = profileBytes
    }

    package init?(from reader: inout FieldReader) {
        guard let shard = reader.integer(UInt16.self), let epoch = reader.integer(Int64.self),
            let sequence = reader.integer(Int64.self),
            let affiliates = reader.integer(Int64.self), let roots = reader.integer(Int64.self),
            let structureBytes = reader.integer(Int64.self), let profileBytes = reader.integer(Int64.self),
            let byStatus = Self.counts(from: &reader, atMost: AffiliateStatus.allCases.count),
            let byLevel = Self.counts(from: &reader, atMost: Self.levelsMax)
        else { return nil }
        self.init(
            shard: shard, epoch: epoch, sequence: sequence, affiliates: affiliates, roots: roots, byStatus: byStatus,
            byLevel: byLevel,
            structureBytes: structureBytes, profileBytes: profileBytes)
    }

    package func write(to frame: ByteBuilder) {
        frame.appendInteger(shard)
        frame.appendInteger(epoch)
        frame.appendInteger(sequence)
        frame.appendInteger(affiliates)
        frame.appendInteger(roots)
        frame.appendInteger(structureBytes)
        frame.appendInteger(profileBytes)
        Self.write(byStatus, to: frame)
        Self.write(byLevel.prefix(Self.levelsMax), to: frame)
    }

    private static func counts(from reader: inout FieldReader, atMost limit: Int) -> [Int64]? {
        guard let length = reader.integer(UInt32.self), length <= limit else { return nil }
        var counts: [Int64] = []
        counts.reserveCapacity(Int(length))
        for _ in 0..<length {
            guard let count = reader.integer(Int64.self) else { return nil }
            counts.append(count)
        }
        return counts
    }

    private static func write(_ counts: some Collection<Int64>, to frame: ByteBuilder) {
        frame.appendInteger(UInt32(counts.count))
        for count in counts { frame.appendInteger(count) }
    }
}
