import Core

/// Which worker serves each shard, as one gateway knows it: by the topology and by what workers answer. It never goes back to an older epoch.
package struct RouteTable: Equatable, Sendable {
    package struct Route: Equatable, Sendable {
        /// nil: nobody.
        package var owner: WorkerInstanceID?
        package var epoch: Epoch

        package init(owner: WorkerInstanceID?, epoch: Epoch) {
            self.owner = owner
            self.epoch = epoch
        }
    }

    /// What to do with a request that a worker has not begun.
    package enum Next: Equatable, Sendable {
        /// The route is another than the one it was sent by.
        case sendAgain
        /// The new owner will answer in a moment: `ParkedRequests`.
        case park
        /// Nobody is known who would answer.
        case refuse
    }

    private var routes: [Route]

    package init(shards: Int = ShardID.count) {
        routes = Array(repeating: Route(owner: nil, epoch: Epoch(0)), count: shards)
    }

    package subscript(shard: ShardID) -> Route { routes[Int(shard.rawValue)] }

    /// Takes what somebody says of a shard, if it is news.
    /// - Returns: whether it was.
    package mutating func learn(_ shard: ShardID, owner: WorkerInstanceID?, epoch: Epoch) -> Bool {
        let known = routes[Int(shard.rawValue)]
        // An epoch has one owner, until it is taken from him.
        guard epoch > known.epoch || (epoch == known.epoch && known.owner != nil && owner == nil) else { return false }
        routes[Int(shard.rawValue)] = Route(owner: owner, epoch: epoch)
        return true
    }

    /// A worker answered that another one has the shard, at this epoch.
    /// - Parameter sentBy: the route by which the request was sent.
    package mutating func moved(_ shard: ShardID, to owner: WorkerInstanceID, epoch: Epoch, sentBy: Route) -> Next {
        _ = learn(shard, owner: owner, epoch: epoch)
        if self[shard] != sentBy { return .sendAgain }
        // It knows less than we do: we were told to go there before it knows that itself.
        return .park
    }

    /// A worker answered that it is to have the shard, and has not got it yet.
    package func notYet(_ shard: ShardID, sentBy: Route) -> Next { self[shard] == sentBy ? .park : .sendAgain }

    /// A worker answered that it knows nothing of the shard.
    package func notOwner(_ shard: ShardID, sentBy: Route) -> Next { self[shard] == sentBy ? .refuse : .sendAgain }
}
