import Core
import Frames
import Hierarchy

/// Questions to all shards of this worker at once. Each answer names the shards it covers.
extension WorkerLoop {
    func serveAll(_ operation: Operation, _ header: FrameHeader, _ fields: FieldReader, _ out: ByteBuilder) {
        var fields = fields
        let hosts = hosts
        var covered = ShardSet()
        for host in hosts { covered.insert(host.shard) }
        switch operation {
        case .rankings:
            guard let question = RankingQuestion(from: &fields), fields.isAtEnd else { break }
            let best = bestOfAll(hosts, question)
            out.reply(.binary, requestID: header.requestID, shard: header.shard, word: 0) { frame in
                covered.write(to: frame)
                frame.appendInteger(UInt32(best.count))
                for entry in best { RankedAffiliate(affiliate: entry.id, value: Int64(entry.value)).write(to: frame) }
            }
            return
        case .presence:
            out.reply(.binary, requestID: header.requestID, shard: header.shard, word: 0) { frame in
                covered.write(to: frame)
                frame.appendInteger(UInt32(0))
            }
            return
        case .statistics:
            out.reply(.binary, requestID: header.requestID, shard: header.shard, word: 0) { frame in
                covered.write(to: frame)
                frame.appendInteger(UInt32(hosts.count))
                for host in hosts { statistics(of: host).write(to: frame) }
            }
            return
        default: break
        }
        refuse(header, .malformedFrame, "\(operation)", out)
    }

    private func bestOfAll(_ hosts: [ShardHost], _ question: RankingQuestion) -> ArraySlice<RankingEntry> {
        let limit = Int(min(question.limit, RankingLimits.entriesMax))
        // A little more than asked for, so that the next question is answered from what is kept.
        let kept = limit <= RankingLimits.entriesKept ? RankingLimits.entriesKept : Int(RankingLimits.entriesMax)
        var all: [RankingEntry] = []
        for host in hosts { all.append(contentsOf: host.top(by: question.metric, limit: kept).prefix(limit)) }
        all.sort { $0.value != $1.value ? $0.value > $1.value : $0.id < $1.id }
        return all.prefix(limit)
    }

    private func statistics(of host: ShardHost) -> ShardStatistics {
        let partition = host.partition
        let totals = partition.statusTotals
        let memory = partition.memoryBytes
        return ShardStatistics(
            shard: host.shard.rawValue, epoch: host.epoch.rawValue, sequence: host.applied,
            affiliates: Int64(partition.affiliateCount),
            roots: Int64(partition.rootCount), byStatus: AffiliateStatus.allCases.map { Int64(totals[$0]) },
            byLevel: partition.levelTotals.map(Int64.init), structureBytes: Int64(memory.structure),
            profileBytes: Int64(memory.profiles))
    }
}

/// How long rankings may be.
enum RankingLimits {
    static let entriesMax: UInt32 = 1000
    /// Kept of each shard for questions up to this length.
    static let entriesKept = 100
}
