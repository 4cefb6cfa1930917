import Core
import Frames
import HTTP2

/// `GET /api/v2/stats`: the programme in numbers, then shard by shard and worker by worker.
extension GatewayLoop {
    func respondStatistics(_ index: Int, _ shards: [ShardStatistics]) {
        let sorted = shards.sorted { $0.shard < $1.shard }
        let levels = sorted.map(\.byLevel.count).max() ?? 0
        var byLevel = [Int64](repeating: 0, count: levels)
        var byStatus = [Int64](repeating: 0, count: AffiliateStatus.allCases.count)
        for shard in sorted {
            for (level, count) in shard.byLevel.enumerated() { byLevel[level] += count }
            for (status, count) in shard.byStatus.enumerated() { byStatus[status] += count }
        }
        body.removeAll()
        body.append("{\"affiliates\":" as StaticString)
        body.appendDecimal(sorted.reduce(0) { $0 + $1.affiliates })
        body.append(",\"roots\":" as StaticString)
        body.appendDecimal(sorted.reduce(0) { $0 + $1.roots })
        body.append(",\"active\":" as StaticString)
        body.appendDecimal(byStatus[Int(AffiliateStatus.active.rawValue)])
        body.append(",\"by_status\":{" as StaticString)
        for status in AffiliateStatus.allCases {
            if status != .active { body.append(UInt8(ascii: ",")) }
            body.appendJSONKey(status.name)
            body.appendDecimal(byStatus[Int(status.rawValue)])
        }
        body.append("},\"levels\":[" as StaticString)
        for (at, count) in byLevel.enumerated() {
            if at > 0 { body.append(UInt8(ascii: ",")) }
            body.append("{\"level\":" as StaticString)
            body.appendDecimal(at + 1)
            body.append(",\"count\":" as StaticString)
            body.appendDecimal(count)
            body.append(UInt8(ascii: "}"))
        }
        body.append("],\"workers\":[" as StaticString)
        appendWorkers(sorted)
        body.append("],\"shards\":[" as StaticString)
        for (at, shard) in sorted.enumerated() {
            if at > 0 { body.append(UInt8(ascii: ",")) }
            appendShard(shard)
        }
        body.append("]}" as StaticString)
        respond(index, status: 200, type: .json, body: body.bytes)
    }

    private func appendWorkers(_ shards: [ShardStatistics]) {
        var affiliates: [WorkerInstanceID: Int64] = [:]
        var shardCounts: [WorkerInstanceID: Int] = [:]
        var owners: [WorkerInstanceID: ClusterMap.Owner] = [:]
        for shard in shards {
            guard let owner = topology.owners[Int(shard.shard)] else { continue }
            owners[owner.instance] = owner
            affiliates[owner.instance, default: 0] += shard.affiliates
            shardCounts[owner.instance, default: 0] += 1
        }
        for (at, owner) in owners.values.sorted(by: { $0.name < $1.name }).enumerated() {
            if at > 0 { body.append(UInt8(ascii: ",")) }
            body.append("{\"worker\":" as StaticString)
            body.appendJSON(owner.name)
            body.append(",\"instance\":" as StaticString)
            body.appendDecimal(owner.instance.rawValue)
            body.append(",\"shards\":" as StaticString)
            body.appendDecimal(shardCounts[owner.instance] ?? 0)
            body.append(",\"affiliates\":" as StaticString)
            body.appendDecimal(affiliates[owner.instance] ?? 0)
            body.append(UInt8(ascii: "}"))
        }
    }

    private func appendShard(_ shard: ShardStatistics) {
        body.append("{\"shard\":" as StaticString)
        body.appendDecimal(Int(shard.shard))
        body.append(",\"worker\":" as StaticString)
        if let owner = topology.owners[Int(shard.shard)] {
            body.appendJSON(owner.name)
        } else {
            body.append("null" as StaticString)
        }
        body.append(",\"epoch\":" as StaticString)
        body.appendDecimal(shard.epoch)
        body.append(",\"change_sequence\":" as StaticString)
        body.appendDecimal(shard.sequence)
        body.append(",\"affiliates\":" as StaticString)
        body.appendDecimal(shard.affiliates)
        body.append(",\"roots\":" as StaticString)
        body.appendDecimal(shard.roots)
        body.append(",\"structure_bytes\":" as StaticString)
        body.appendDecimal(shard.structureBytes)
        body.append(",\"profile_bytes\":" as StaticString)
        body.appendDecimal(shard.profileBytes)
        body.append(UInt8(ascii: "}"))
    }
}
