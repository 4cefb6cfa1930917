import Core
import Hierarchy
import PostgresClient
import Store

/// Shards as they were read from PostgreSQL, each a copy that can be served or follow; and those whose rows make no hierarchy.
struct ShardLoad: Sendable {
    let hosts: LoopConfined<[ShardHost]>
    let broken: [(ShardID, PartitionError)]
    let affiliates: Int

    /// Reads all of `wanted` in one pass over the table, at one moment. What is wrong with one shard's rows costs that shard alone.
    static func read(_ wanted: [ShardID], on connection: PostgresConnection) throws -> ShardLoad {
        var builders = [PartitionBuilder?](repeating: nil, count: ShardID.count)
        var broken: [(ShardID, PartitionError)] = []
        for shard in wanted { builders[Int(shard.rawValue)] = PartitionBuilder(shard: shard) }
        let loaded = try AffiliateLoader.load(
            wanted, on: connection, timeoutMilliseconds: DatabasePatience.loadMilliseconds
        ) { record in
            let number = Int(record.shard.rawValue)
            do throws(PartitionError) {
                try builders[number]?.append(
                    id: record.id.rawValue, parent: record.parent, status: record.status, profile: record.view)
            } catch {
                builders[number] = nil
                broken.append((record.shard, error))
            }
        }
        var hosts: [ShardHost] = []
        for shard in wanted {
            guard let builder = builders[Int(shard.rawValue)] else { continue }
            builders[Int(shard.rawValue)] = nil
            do throws(PartitionError) {
                let partition = try builder.finish()
                hosts.append(ShardHost(shard: shard, partition: partition, applied: loaded.lastSequences[shard] ?? 0))
            } catch {
                broken.append((shard, error))
            }
        }
        let affiliates = hosts.reduce(0) { $0 + $1.partition.affiliateCount }
        return ShardLoad(hosts: LoopConfined(hosts), broken: broken, affiliates: affiliates)
    }
}
