import Core
import Store

/// Who owns each shard, as PostgreSQL said at one moment.
package struct ClusterMap: Sendable, Equatable {
    package struct Owner: Sendable, Equatable, Hashable {
        package var instance: WorkerInstanceID
        package var name: String
        package var host: String
        package var port: Int
    }

    package var version: Int64
    /// By shard; nil where nobody owns it.
    package var owners: [Owner?]
    /// By shard.
    package var epochs: [Epoch]
    /// The workers that hand-offs under way are to bring shards to, whether they own any or not.
    package var targets: [Owner] = []
    /// What told that this picture was due.
    package var mark = TopologyMark(version: -1, moveTargets: [])

    package static let empty = ClusterMap(
        version: -1, owners: Array(repeating: nil, count: ShardID.count), epochs: Array(repeating: Epoch(0), count: ShardID.count)
    )
}

extension ClusterMap {
    /// The picture that these rows give; who has no address that can be reached is left out.
    init(_ topology: Topology, workers: [RegisteredWorker], mark: TopologyMark) {
        var registrations: [WorkerInstanceID: WorkerRegistration] = [:]
        for worker in workers { registrations[worker.instance] = worker.registration }
        version = topology.version
        epochs = topology.shards.map(\.epoch)
        owners = topology.shards.map { shard in
            guard let instance = shard.owner, let address = shard.address else { return nil }
            return Owner(instance: instance, name: registrations[instance]?.name ?? "worker \(instance)", address: address)
        }
        targets = mark.moveTargets.compactMap { instance in
            registrations[instance].flatMap { Owner(instance: instance, name: $0.name, address: $0.address) }
        }
        self.mark = mark
    }
}

extension ClusterMap.Owner {
    /// - Parameter address: `host:port`; nil if it is anything else.
    init?(instance: WorkerInstanceID, name: String, address: String) {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else { return nil }
        self.init(instance: instance, name: name, host: String(address[..<colon]), port: port)
    }
}
