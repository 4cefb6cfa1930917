import Core
import Frames
import HTTP2
import NIOCore
import Ownership

/// Requests whose shard is between two owners: sent again at once where another owner is known, kept for a while where he is about to be
/// (`docs/design/handoff.md`). Whoever answers so has not begun them.
extension GatewayLoop {
    /// What a parked request holds on to, beside its body as it came and as it was read. Bytes.
    private static let parkedBytes = 512

    /// A worker has not begun a request: another one has the shard, or is about to.
    func receiveUnbegun(_ index: Int, _ outcome: Outcome, _ fields: FieldReader, from link: WorkerLink) {
        let shard = requests[index].shard
        let sentBy = RouteTable.Route(owner: link.owner.instance, epoch: requests[index].epoch)
        settle(index)
        let next: RouteTable.Next
        switch outcome {
        case .moved:
            var fields = fields
            guard let owner = fields.integer(Int64.self), let epoch = fields.integer(Int64.self), fields.isAtEnd, owner > 0,
                epoch > 0
            else {
                logger.error("a worker's word on who has a shard makes no sense", metadata: ["worker": "\(link.owner.name)"])
                return respond(index, .internalError)
            }
            follow(shard, to: WorkerInstanceID(owner), epoch: Epoch(epoch))
            next = routes.moved(shard, to: WorkerInstanceID(owner), epoch: Epoch(epoch), sentBy: sentBy)
        case .notYet: next = routes.notYet(shard, sentBy: sentBy)
        default:
            service.refreshTopology()
            next = routes.notOwner(shard, sentBy: sentBy)
        }
        if confirmMoveLater(index) { return }
        switch next {
        // Owners that send it round in a circle do not make it spin.
        case .sendAgain where requests[index].attempts < RoutedRequest.attemptsMax: send(index)
        case .sendAgain, .park: park(index)
        case .refuse: respond(index, .shardUnavailable)
        }
    }

    /// Keeps a request that nobody has begun; refuses it where there is no room, or it has been kept for as long as it may be.
    func park(_ index: Int) {
        let now = monotonicNow()
        if requests[index].parkedSince == 0 {
            requests[index].parkedSince = now
            metrics.parkedRequests &+= 1
        }
        let isKept = parked.park(
            slab.token(of: index), requests[index].shard, bytes: Self.parkedBytes + 2 * slab[index].body.count,
            deadline: requests[index].deadline, now: now)
        guard isKept else {
            metrics.parkedExpired &+= 1
            return respond(index, .shardUnavailable)
        }
        requests[index].isParked = true
        scheduleRetry()
    }

    /// Sends what waits for a shard, whose route has changed or can be gone now.
    func resume(_ shard: ShardID) {
        guard parked.count > 0 else { return }
        resume(parked.routeChanged(shard))
    }

    private func resume(_ tokens: [ParkedRequests.Token]) {
        for token in tokens {
            guard let index = slab.slot(for: token), requests[index].isParked else { continue }
            requests[index].isParked = false
            // Not 0: it has only what is left of its time.
            requests[index].attempts = 1
            send(index)
        }
    }

    /// Nothing is scheduled while nothing is parked.
    private func scheduleRetry() {
        guard !isRetryScheduled, parked.count > 0 else { return }
        isRetryScheduled = true
        eventLoop.scheduleTask(in: .nanoseconds(Int64(parked.limits.pauseMin))) {
            self.isRetryScheduled = false
            let (again, expired) = self.parked.due(now: monotonicNow())
            for token in expired {
                if let index = self.slab.slot(for: token) { _ = self.refuseIfParked(index) }
            }
            self.resume(again)
            self.flushTransports()
            self.scheduleRetry()
        }
    }

    /// Answers a parked request whose time is over: nobody has begun it. False if it is not parked.
    func refuseIfParked(_ index: Int) -> Bool {
        guard requests[index].isParked else { return false }
        metrics.parkedExpired &+= 1
        respond(index, .shardUnavailable)
        return true
    }

    /// A request that has been parked is answered: nothing of it stays behind.
    func leavePark(_ index: Int, now: MonotonicNanoseconds) {
        parked.settled(slab.token(of: index), requests[index].shard)
        metrics.parkedNanosecondsMax = max(metrics.parkedNanosecondsMax, now &- requests[index].parkedSince)
        requests[index].isParked = false
        requests[index].parkedSince = 0
    }
}
