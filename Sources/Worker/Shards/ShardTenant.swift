import Core
import Frames
import Hierarchy
import Logging
import Ownership
import PostgresClient
import Store
import Synchronization

/// This worker's side of ownership: its lease, the shards it has been given, and keeping up with what others commit to them.
final class ShardTenant: Sendable {
    struct Pools: Sendable {
        let control: PostgresPool
        let follow: PostgresPool
        let load: PostgresPool
        let write: PostgresPool
        let wide: PostgresPool
        let intake: PostgresPool
    }

    private struct State {
        var instance: WorkerInstanceID?
        var window: TrustWindow
        var topologyVersion: Int64 = -1
        /// When shards that could not be loaded are tried again; nil when there are none.
        var lookAgainAt: MonotonicNanoseconds?
        var hasLeft = false
        /// Nothing new is registered.
        var isLeaving = false
        /// Shards to be loaded anew, gathered for one pass over the table.
        var reloads: [(ShardID, Epoch)] = []
    }

    private static let reloadGatheringMilliseconds: Int64 = 20
    private static let loadRetryNanoseconds: UInt64 = 500_000_000
    /// Rows that make no hierarchy are looked at less often: each look reads them all.
    private static let brokenRetryNanoseconds: UInt64 = 5_000_000_000

    private let configuration: WorkerConfiguration
    private let address: String
    private let loop: WorkerLoop
    private let pools: Pools
    private let ledger: LedgerService?
    private let logger: Logger
    private let state: Mutex<State>

    init(
        configuration: WorkerConfiguration, address: String, loop: WorkerLoop, pools: Pools,
        ledger: LedgerService?, logger: Logger
    ) {
        self.ledger = ledger
        self.configuration = configuration
        self.address = address
        self.loop = loop
        self.pools = pools
        self.logger = logger
        state = Mutex(State(window: TrustWindow(timeToLiveMilliseconds: configuration.leaseMilliseconds)))
    }

    // MARK: The lease

    /// Registers, or renews what was registered. Failing is no harm until the trust window ends.
    func renewLease() async {
        let (known, isLeaving) = state.withLock { ($0.instance, $0.isLeaving) }
        guard let instance = known else {
            if !isLeaving { await register() }
            return
        }
        let started = monotonicNow()
        let timeToLive = Int64(configuration.leaseMilliseconds)
        do {
            let isOurs = try await pools.control.withConnection {
                try WorkerLeases.renew(
                    instance, timeToLiveMilliseconds: timeToLive, on: $0, timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
            }
            if isOurs { renewed(started) } else { await lost(instance) }
        } catch {
            logger.warning("the lease was not renewed", metadata: ["error": "\(error)"])
        }
    }

    private func renewed(_ attemptStarted: MonotonicNanoseconds) {
        let window = state.withLock { state in
            state.window.renewed(attemptStarted: attemptStarted)
            if state.hasLeft { state.window.lost() }
            return state.window
        }
        loop.trust(window)
    }

    private func register() async {
        let registration = WorkerRegistration(
            name: configuration.name, address: address, capacity: Int64(configuration.capacity), version: buildVersion)
        let timeToLive = Int64(configuration.leaseMilliseconds)
        let started = monotonicNow()
        do {
            let instance = try await pools.control.withConnection {
                try WorkerLeases.register(
                    registration, timeToLiveMilliseconds: timeToLive, on: $0,
                    timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
            }
            await onLoop {
                self.loop.writer = ShardWriter(
                    loop: self.loop, pool: self.pools.write, widePool: self.pools.wide, instance: instance, logger: self.logger,
                    reload: { self.reload($0) })
                self.loop.intake?.close()
                self.loop.intake = IntakeLine(
                    loop: self.loop, pool: self.pools.intake, instance: instance, logger: self.logger,
                    onAccepted: { [ledger = self.ledger] in ledger?.accepted($0) })
            }
            state.withLock { $0.instance = instance }
            renewed(started)
            logger.notice("registered", metadata: ["instance": "\(instance)", "address": "\(address)"])
        } catch {
            logger.warning("not registered yet", metadata: ["error": "\(error)"])
        }
    }

    /// The coordinator has taken the lease away: nothing is ours any more.
    private func lost(_ instance: WorkerInstanceID) async {
        logger.warning("the lease was taken away", metadata: ["instance": "\(instance)"])
        let window = state.withLock { state in
            state.window.lost()
            state.instance = nil
            state.topologyVersion = -1
            return state.window
        }
        loop.trust(window)
        ledger?.setOwnership(.init())
        await onLoop { self.loop.dropAll() }
    }

    /// From now on a lease that is lost stays lost.
    func beginLeaving() { state.withLock { $0.isLeaving = true } }

    /// Gives everything back, so that others can take it at once.
    func leave() async {
        let (instance, window) = state.withLock { state in
            state.hasLeft = true
            state.window.lost()
            return (state.instance, state.window)
        }
        loop.trust(window)
        guard let instance else { return }
        do {
            _ = try await pools.control.withConnection {
                try WorkerLeases.release(instance, on: $0, timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
            }
        } catch {
            logger.warning("the lease was not given back; it runs out by itself", metadata: ["error": "\(error)"])
        }
    }

    // MARK: The topology

    /// Takes up the shards that are ours now and drops those that are not.
    func followTopology() async {
        let (instance, known, mustLookAgain) = state.withLock { state in
            let isTime = state.lookAgainAt.map { monotonicNow() >= $0 } ?? false
            if isTime { state.lookAgainAt = nil }
            return (state.instance, state.topologyVersion, isTime)
        }
        guard let instance else { return }
        do {
            let topology = try await pools.follow.withConnection { connection -> Topology? in
                let version = try OwnershipQueries.topologyVersion(
                    on: connection, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
                if version == known, !mustLookAgain { return nil }
                return try OwnershipQueries.topology(on: connection, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
            }
            guard let topology else { return }
            state.withLock { $0.topologyVersion = topology.version }
            let wanted = await onLoopReturning { self.adopt(topology, instance) }
            // Not waited for: other shards may come or go while these load.
            if !wanted.isEmpty { Task { await load(wanted) } }
        } catch {
            logger.warning("the topology could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// On the event loop. Returns what has to be loaded.
    private func adopt(_ topology: Topology, _ instance: WorkerInstanceID) -> [(ShardID, Epoch)] {
        // A topology that was read before the lease was lost speaks of an owner who is no more.
        guard state.withLock({ $0.instance }) == instance else { return [] }
        var wanted: [(ShardID, Epoch)] = []
        var owned = OwnedShards.Ownership(instance: instance)
        // Payments need no memory: they go on while the shards load.
        defer { ledger?.setOwnership(owned) }
        for (number, shard) in topology.shards.enumerated() {
            let id = ShardID(number)
            guard shard.owner == instance else {
                loop.drop(id)
                continue
            }
            owned.epochs[id] = shard.epoch
            switch loop.shards[number] {
            case .serving(let host) where host.epoch == shard.epoch: continue
            case .loading(let epoch) where epoch == shard.epoch: continue
            default:
                loop.beginLoading(id, shard.epoch)
                wanted.append((id, shard.epoch))
            }
        }
        return wanted
    }

    /// Has a shard loaded anew, together with all others for which that is asked in this tick. On the event loop.
    private func reload(_ host: ShardHost) {
        guard loop.host(host.shard) === host else { return }
        loop.beginLoading(host.shard, host.epoch)
        let isFirst = state.withLock { state in
            state.reloads.append((host.shard, host.epoch))
            return state.reloads.count == 1
        }
        guard isFirst else { return }
        loop.eventLoop.scheduleTask(in: .milliseconds(Self.reloadGatheringMilliseconds)) {
            let wanted = self.state.withLock { state in
                defer { state.reloads = [] }
                return state.reloads
            }
            Task { await self.load(wanted) }
        }
    }

    private func load(_ wanted: [(ShardID, Epoch)]) async {
        guard !wanted.isEmpty else { return }
        let started = monotonicNow()
        do {
            let loaded = try await pools.load.withConnection { try ShardLoad.read(wanted, on: $0) }
            await onLoop {
                for host in loaded.hosts.value { self.loop.install(host) }
                for (shard, _) in loaded.broken { self.loop.drop(shard) }
            }
            logger.notice(
                "shards loaded",
                metadata: [
                    "shards": "\(loaded.hosts.value.count)", "affiliates": "\(loaded.affiliates)",
                    "milliseconds": "\((monotonicNow() - started) / 1_000_000)",
                ])
            guard !loaded.broken.isEmpty else { return }
            for (shard, error) in loaded.broken {
                logger.error(
                    "a shard's rows make no hierarchy; mend them (`fature validate` names them): it is tried again",
                    metadata: ["shard": "\(shard)", "error": "\(error)"])
            }
            state.withLock { $0.lookAgainAt = monotonicNow() + Self.brokenRetryNanoseconds }
        } catch {
            logger.error(
                "shards could not be loaded; trying again", metadata: ["shards": "\(wanted.count)", "error": "\(error)"])
            await onLoop { for (shard, _) in wanted { self.loop.drop(shard) } }
            state.withLock { $0.lookAgainAt = monotonicNow() + Self.loadRetryNanoseconds }
        }
    }

    // MARK: The changes of others

    /// Has every shard catch up to which others have committed something: moves that bring a subtree here.
    func followChanges() async {
        guard state.withLock({ $0.instance }) != nil else { return }
        do {
            let known = await onLoopReturning {
                (0..<ShardID.count).map { self.loop.host(ShardID($0))?.applied ?? .max }
            }
            let behind = try await pools.follow.withConnection {
                try HierarchyChanges.advanced(beyond: known, on: $0, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
            }
            guard !behind.isEmpty else { return }
            await onLoop {
                // A shard with a job going on may be catching up with it; if not, the next poll finds it still behind.
                for host in behind.compactMap(self.loop.host) where !host.hasJobs { self.loop.writer?.catchUp(host) }
            }
        } catch {
            logger.debug("changes could not be read", metadata: ["error": "\(error)"])
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
