import Core
import Ownership

/// Whether what is meant for a shard can be sent.
enum ShardReach: Equatable {
    case worker(WorkerInstanceID)
    /// Its owner is known, and this loop is about to be connected to it.
    case soon
    case nobody
}

/// Which worker has which shard, and the connections to all of them. An epoch that is over is never gone back to, whoever names it.
extension GatewayLoop {
    /// Takes a newer picture of the topology, or one with other hand-offs under way. A worker that owns nothing any more is asked nothing
    /// more; what it has been asked it may still answer.
    func apply(_ newer: ClusterMap) {
        guard newer.version > topology.version || (newer.version == topology.version && newer.targets != topology.targets) else {
            return
        }
        topology = newer
        let named = Set(newer.owners.compactMap(\.self) + newer.targets)
        for owner in named where links[owner.instance] == nil { connect(to: owner) }
        var changed: [ShardID] = []
        for number in 0..<ShardID.count {
            let shard = ShardID(number)
            let isNews = routes.learn(shard, owner: newer.owners[number]?.instance, epoch: newer.epochs[number])
            if aim(shard) || isNews { changed.append(shard) }
        }
        var living = Set(named.map(\.instance))
        for number in 0..<ShardID.count { if let owner = routes[ShardID(number)].owner { living.insert(owner) } }
        let now = monotonicNow()
        for (instance, link) in links where !living.contains(instance) {
            links[instance] = nil
            link.isRetiring = true
            retiring[instance] = (link, until: now &+ deadlineNanoseconds)
        }
        closeRetired(now)
        for shard in changed { resume(shard) }
        flushTransports()
    }

    private func connect(to owner: ClusterMap.Owner) {
        if revive(owner.instance) != nil { return }
        let link = WorkerLink(owner: owner, loop: self)
        links[owner.instance] = link
        link.connect()
    }

    /// Uses a connection again that was about to be let go, if it still stands.
    private func revive(_ instance: WorkerInstanceID) -> WorkerLink? {
        guard let link = retiring[instance]?.link else { return nil }
        retiring[instance] = nil
        guard link.isConnected else {
            link.close()
            return nil
        }
        link.isRetiring = false
        links[instance] = link
        return link
    }

    /// Lets a shard's requests go where its route leads; whether that is another connection than before.
    private func aim(_ shard: ShardID) -> Bool {
        let link = routes[shard].owner.flatMap { links[$0] }
        guard shardLinks[Int(shard.rawValue)] !== link else { return false }
        shardLinks[Int(shard.rawValue)] = link
        return true
    }

    /// A worker has said who has a shard. Requests that wait for that are sent at once.
    func follow(_ shard: ShardID, to owner: WorkerInstanceID, epoch: Epoch) {
        guard routes.learn(shard, owner: owner, epoch: epoch) else { return }
        if links[owner] == nil, revive(owner) == nil {
            // It was faster than our picture of the topology, which says where it is.
            service.refreshTopology()
        }
        _ = aim(shard)
        resume(shard)
    }

    /// Closes the connections to workers that own nothing and owe nothing, or owe it for so long that nobody waits for it any more.
    func closeRetired(_ now: MonotonicNanoseconds) {
        for (instance, retired) in retiring where retired.link.inFlightCount == 0 || retired.until <= now {
            retiring[instance] = nil
            retired.link.close()
        }
    }

    // MARK: Who can be asked

    /// How many shards cannot be reached now.
    var unreachableShardCount: Int { shardLinks.count { $0?.isConnected != true } }

    /// The connected owner of a shard, or nil.
    func link(for shard: ShardID) -> WorkerLink? {
        guard let link = shardLinks[Int(shard.rawValue)], link.isConnected else { return nil }
        return link
    }

    /// Whether a shard that cannot be reached has an owner to whom this loop is only now being connected. One whose connection broke is
    /// not waited for: it may be dead.
    func isAwaited(_ shard: ShardID) -> Bool {
        guard routes[shard].owner != nil else { return false }
        return shardLinks[Int(shard.rawValue)]?.isAwaited ?? true
    }

    /// Whether what is meant for a shard can be sent, and to whom.
    func reach(_ shard: ShardID) -> ShardReach {
        if let link = link(for: shard) { return .worker(link.owner.instance) }
        return isAwaited(shard) ? .soon : .nobody
    }

    /// The connection to a worker, or nil if it neither owns nor owes anything any more.
    func link(to worker: WorkerInstanceID) -> WorkerLink? { links[worker] ?? retiring[worker]?.link }

    /// Whether there is another connection to its worker by now: what this one still says, or its end, is not about what the other one was sent.
    func isReplaced(_ link: WorkerLink) -> Bool {
        guard let current = self.link(to: link.owner.instance) else { return false }
        return current !== link
    }

    /// All workers that own a shard, each once.
    var ownerLinks: [WorkerLink] {
        var seen = Set<ObjectIdentifier>()
        return shardLinks.compactMap(\.self).filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    // MARK: Connections that come and go

    func linkConnected(_ link: WorkerLink) {
        logger.info("connected to worker", metadata: ["worker": "\(link.owner.name)", "instance": "\(link.owner.instance)"])
        guard parked.count > 0 else { return }
        for number in 0..<ShardID.count where shardLinks[number] === link { resume(ShardID(number)) }
        flushTransports()
    }

    /// The connection to a worker is gone: all that was asked of it fails now, and quickly.
    func linkFailed(_ link: WorkerLink) {
        guard link.inFlightCount > 0 else { return }
        service.refreshTopology()
        for index in 0..<slab.highWater where slab[index].state == .received && requests[index].link === link {
            if respondIfMoved(index) { continue }
            respond(index, requests[index].changesSomething ? .outcomeUnknown : .shardUnavailable)
        }
        for (token, gathering) in gatherings where gathering.waitsFor(link) {
            if let index = slab.slot(for: token) { losePart(index, of: link) }
        }
        failBatches(sentTo: link)
        link.inFlightCount = 0
        flushTransports()
    }
}
