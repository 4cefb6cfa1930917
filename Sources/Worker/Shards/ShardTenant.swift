import Core
import Logging
import Ownership
import PostgresClient
import Store
import Synchronization

/// This worker's side of ownership: its lease, and what PostgreSQL says about its shards, told to their duties.
final class ShardTenant: Sendable {
    private struct State {
        var keeper: LeaseKeeper
        var topologyVersion: Int64 = -1
    }

    private let configuration: WorkerConfiguration
    private let address: String
    private let loop: WorkerLoop
    private let steward: ShardSteward
    /// For the lease; for following.
    private let control: PostgresPool
    private let follow: PostgresPool
    private let logger: Logger
    private let state: Mutex<State>

    init(
        configuration: WorkerConfiguration, address: String, steward: ShardSteward, control: PostgresPool, follow: PostgresPool,
        logger: Logger
    ) {
        self.configuration = configuration
        self.address = address
        self.steward = steward
        loop = steward.loop
        self.control = control
        self.follow = follow
        self.logger = logger
        state = Mutex(State(keeper: LeaseKeeper(timeToLiveMilliseconds: configuration.leaseMilliseconds)))
    }

    // MARK: The lease

    /// Registers, or renews what was registered, when it is time for that. Failing is no harm until the trust window ends.
    /// - Returns: when to call again; nil: never.
    func keepLease() async -> MonotonicNanoseconds? {
        let started = monotonicNow()
        switch state.withLock({ $0.keeper.tick(now: started) }) {
        case .register: await register(started)
        case .renew(let instance): await renew(instance, started)
        case nil: break
        }
        return state.withLock { $0.keeper.nextQuestionAt }
    }

    private func renew(_ instance: WorkerInstanceID, _ started: MonotonicNanoseconds) async {
        let timeToLive = Int64(configuration.leaseMilliseconds)
        do {
            let isOurs = try await control.withConnection {
                try WorkerLeases.renew(
                    instance, timeToLiveMilliseconds: timeToLive, on: $0, timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
            }
            guard isOurs else { return await lost(instance) }
            update { $0.renewed(instance, attemptStarted: started) }
        } catch {
            update { $0.failed() }
            logger.warning("the lease was not renewed", metadata: ["error": "\(error)"])
        }
    }

    /// Lets the loop believe in its shards for as long as the keeper does.
    @discardableResult
    private func update<R>(_ event: (inout LeaseKeeper) -> R) -> R {
        state.withLock { state in
            let result = event(&state.keeper)
            loop.trust(state.keeper.window)
            return result
        }
    }

    private func register(_ started: MonotonicNanoseconds) async {
        let registration = WorkerRegistration(
            name: configuration.name, address: address, capacity: Int64(configuration.capacity), version: buildVersion)
        let timeToLive = Int64(configuration.leaseMilliseconds)
        do {
            let instance = try await control.withConnection {
                try WorkerLeases.register(
                    registration, timeToLiveMilliseconds: timeToLive, on: $0,
                    timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
            }
            await onLoop { self.steward.begin(as: instance) }
            guard update({ $0.registered(instance, attemptStarted: started) }) else { return await release(instance) }
            logger.notice("registered", metadata: ["instance": "\(instance)", "address": "\(address)"])
        } catch {
            update { $0.failed() }
            logger.warning("not registered yet", metadata: ["error": "\(error)"])
        }
    }

    /// The coordinator has taken the lease away: nothing is ours any more.
    private func lost(_ instance: WorkerInstanceID) async {
        guard update({ $0.gone(instance, now: monotonicNow()) }) else { return }
        logger.warning("the lease was taken away", metadata: ["instance": "\(instance)"])
        state.withLock { $0.topologyVersion = -1 }
        await onLoop { self.steward.end() }
    }

    /// From now on a lease that is lost stays lost.
    func beginLeaving() { update { $0.beginLeaving() } }

    /// Gives everything back, so that others can take it at once.
    func leave() async { if let instance = update({ $0.leave() }) { await release(instance) } }

    private func release(_ instance: WorkerInstanceID) async {
        do {
            _ = try await control.withConnection {
                try WorkerLeases.release(instance, on: $0, timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
            }
        } catch {
            logger.warning("the lease was not given back; it runs out by itself", metadata: ["error": "\(error)"])
        }
    }

    // MARK: The topology

    /// Tells all duties who has which shard.
    func followTopology() async {
        let (instance, known) = state.withLock { ($0.keeper.instance, $0.topologyVersion) }
        guard let instance else { return }
        do {
            let topology = try await follow.withConnection { connection -> Topology? in
                let version = try OwnershipQueries.topologyVersion(
                    on: connection, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
                if version == known { return nil }
                return try OwnershipQueries.topology(on: connection, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
            }
            guard let topology else { return }
            state.withLock { if $0.keeper.instance == instance { $0.topologyVersion = topology.version } }
            await onLoop {
                // One that was read before the lease was lost speaks of an owner who is no more.
                guard self.steward.instance == instance else { return }
                let now = monotonicNow()
                for (seat, shard) in zip(self.loop.seats, topology.shards) {
                    seat.standsBy = shard.standby == instance
                    self.steward.tell(seat) { $0.topology(owner: shard.owner, epoch: shard.epoch, now: now) }
                }
            }
        } catch {
            logger.warning("the topology could not be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: The changes of others

    /// A copy, and what was known of it when it was asked what others have committed.
    private struct Known: Sendable {
        var applied: ChangeSequence
        /// Of its duty.
        var generation: UInt64
    }

    /// Has every copy catch up to which others have committed something: moves that bring a subtree here, and what the owner writes to a shard
    /// that is followed.
    func followChanges() async {
        guard state.withLock({ $0.keeper.instance }) != nil else { return }
        do {
            let known = await onLoopReturning {
                self.loop.seats.map { seat in
                    seat.copy.map { Known(applied: $0.applied, generation: seat.duty.generation) }
                }
            }
            let behind = try await follow.withConnection {
                try HierarchyChanges.advanced(
                    beyond: known.map { $0?.applied ?? .max }, on: $0, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
            }
            await onLoop { self.followed(known, behind: Set(behind)) }
        } catch {
            logger.debug("changes could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// On the event loop.
    private func followed(_ known: [Known?], behind: Set<ShardID>) {
        let now = monotonicNow()
        for (seat, known) in zip(loop.seats, known) {
            guard let known, let copy = seat.copy else { continue }
            if behind.contains(seat.shard) {
                // One with a job going on may be catching up with it; if not, the next poll finds it still behind.
                // Jobs that are held for a hand-off catch up with nothing.
                if !copy.hasJobs || (seat.duty.activeMove != nil && !copy.isBusy) { loop.writer?.catchUp(copy) }
            } else if seat.isUnsettled {
                steward.tell(seat) {
                    $0.followed(to: copy.applied, of: known.applied, generation: known.generation, now: now)
                }
            }
        }
    }

    // MARK: The event loop

    private func onLoop(_ work: @escaping @Sendable () -> Void) async { await onLoopReturning(work) }

    private func onLoopReturning<R: Sendable>(_ work: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            loop.eventLoop.execute { continuation.resume(returning: work()) }
        }
    }
}
