import Core
import Logging
import NIOCore
import Ownership
import PostgresClient
import Store

/// Who pays the commissions of this worker's shards.
protocol Paying: AnyObject, Sendable {
    /// Says which shards are this worker's.
    func setOwnership(_ ownership: OwnedShards.Ownership)
    /// Whether no job of a shard that was taken out of `setOwnership` is in hand any more.
    func hasLetGo(of shard: ShardID) -> Bool
    /// Adds the jobs of what was accepted. From any thread.
    func accepted(_ orders: [CommissionPayment.Order])
}

/// Tells the duties of all shards what happens, and carries out what they say: the only one who changes what this worker serves.
///
/// Confined to the worker's event loop.
final class ShardSteward: @unchecked Sendable {
    // @unchecked: confined to the loop's event loop; tasks carry values only.
    struct Pools: Sendable {
        /// Loads of shards that are ours.
        let load: PostgresPool
        /// Loads of shards that others answer for meanwhile.
        let ahead: PostgresPool
        let write: PostgresPool
        /// Moves of subtrees.
        let wide: PostgresPool
        let catchUp: PostgresPool
        let intake: PostgresPool
        /// Steps of hand-offs.
        let moves: PostgresPool
        /// Looks at them.
        let follow: PostgresPool
    }

    let loop: WorkerLoop
    let pools: Pools
    let logger: Logger
    private let ledger: (any Paying)?
    /// This boot's lease; nil while there is none.
    private(set) var instance: WorkerInstanceID?
    private var published: OwnedShards.Ownership?
    private var isPublishing = false
    var loads = LoadLine()
    /// Those that go on, by number.
    var passes: [Int: Task<Void, Never>] = [:]
    var passesBegun = 0
    var looks = MoveLooks()
    /// Until the next regular look.
    var lookTimer: Scheduled<Void>?
    /// Rows of hand-offs that could not be read in the last look.
    var unreadableMoves: Set<MoveID> = []

    init(loop: WorkerLoop, pools: Pools, ledger: (any Paying)?, logger: Logger) {
        self.loop = loop
        self.pools = pools
        self.ledger = ledger
        self.logger = logger
    }

    // MARK: The lease

    /// The worker is registered, and owns nothing yet.
    func begin(as instance: WorkerInstanceID) {
        self.instance = instance
        for seat in loop.seats {
            seat.duty = ShardDuty(seat.shard, of: instance, generation: seat.duty.generation + 1)
            seat.loadNotBefore = 0
        }
        let ledger = ledger
        loop.writer = ShardWriter(
            loop: loop, pools: .init(write: pools.write, wide: pools.wide, catchUp: pools.catchUp), instance: instance,
            logger: logger,
            events: .init(
                lost: { [unowned self] host in tellOwner(of: host) { $0.copyLost(now: monotonicNow()) } },
                followed: { [unowned self] host, last, generation in
                    tellOwner(of: host) {
                        $0.followed(to: host.applied, of: last, generation: generation, now: monotonicNow())
                    }
                },
                progressed: { [unowned self] host in progress(loop.seat(host.shard)) },
                fenced: { [unowned self] host, epoch in tellOwner(of: host) { $0.fenced(at: epoch) } }))
        loop.intake?.close()
        loop.intake = IntakeLine(
            loop: loop, pool: pools.intake, instance: instance, logger: logger, onAccepted: { ledger?.accepted($0) })
        if lookTimer == nil { scheduleLook() }
    }

    /// The lease is gone, or given back: nothing is ours, and all that waits is told so.
    func end() {
        instance = nil
        for seat in loop.seats {
            seat.standsBy = false
            tell(seat) { $0.leaseLost() }
        }
    }

    // MARK: Duties

    private func tellOwner(of host: ShardHost, _ event: (inout ShardDuty) -> [ShardDuty.Action]) {
        guard loop.isCurrent(host) else { return }
        tell(loop.seat(host.shard), event)
    }

    /// Something has happened to a shard.
    func tell(_ seat: ShardSeat, _ event: (inout ShardDuty) -> [ShardDuty.Action]) {
        let actions = event(&seat.duty)
        loop.refresh(seat)
        guard !actions.isEmpty else { return }
        for action in actions { perform(action, seat) }
        publishSoon()
    }

    private func perform(_ action: ShardDuty.Action, _ seat: ShardSeat) {
        switch action {
        case .load:
            drop(seat)
            // What was checked against the memory that is given up has an upline of that memory: its gateway asks again.
            loop.intake?.giveBack(seat.shard)
            load(seat)
        case .follow: if let copy = seat.copy { loop.writer?.catchUp(copy) }
        case .measure(let sequence):
            seat.measuresAt = sequence
            progress(seat)
        case .holdWideWrites:
            seat.waitsForWide = true
            progress(seat)
        case .holdWrites:
            seat.waitsForQuiet = true
            progress(seat)
        // Whether reads are answered is what the duty says, and was noted with its change.
        case .stopReads: break
        case .resumeReads: for wake in seat.takeHeldReads() { wake(.again) }
        case .resumeWrites: resume(seat)
        case .write(let id, let write): self.write(id, write, seat)
        case .serve(let epoch):
            seat.copy?.serve(at: epoch)
            resume(seat)
        case .drop:
            drop(seat)
            resume(seat)
        }
    }

    /// Nothing is held any more: all that waits goes on, or is told where to go.
    private func resume(_ seat: ShardSeat) {
        seat.forgetWaits()
        seat.copy?.stopMeasuring()
        for wake in seat.takeHeldReads() { wake(.again) }
        if let copy = seat.copy { loop.writer?.pump(copy) }
        loop.intake?.resume(seat.shard)
    }

    /// The memory goes; what waits for it is asked about once more.
    private func drop(_ seat: ShardSeat) {
        seat.forgetWaits()
        guard let copy = seat.copy else { return }
        seat.copy = nil
        loop.refresh(seat)
        let (jobs, reads) = copy.abandon()
        for job in jobs {
            if let reply = job.reply { loop.decline(seat.duty.write(isWide: job.kind.isWide), reply, seat) }
        }
        for wake in reads { wake(.again) }
    }

    // MARK: What a hand-off waits for

    /// Looks whether what a shard's duty waits for has come.
    func progress(_ seat: ShardSeat) {
        guard seat.duty.activeMove != nil, let copy = seat.copy else { return }
        if copy.needsMeasuring { measure(copy) }
        let now = monotonicNow()
        // Payments end before writes are held: a batch may take as long as a move of a subtree.
        if seat.waitsForWide, !copy.isMoving, ledger?.hasLetGo(of: seat.shard) ?? true {
            seat.waitsForWide = false
            tell(seat) { $0.wideEnded(now: now) }
        }
        guard !copy.isBusy, let checksum = copy.checksum else { return }
        let seal = Seal(finalSequence: copy.applied, checksum: checksum)
        if seat.waitsForQuiet, !(loop.intake?.isCommitting(seat.shard) ?? false) {
            seat.waitsForQuiet = false
            tell(seat) { $0.measured(seal, now: now) }
        }
        if let sequence = seat.measuresAt {
            seat.measuresAt = nil
            if sequence == copy.applied { tell(seat) { $0.measured(seal, now: now) } }
        }
    }

    /// A pass over the contents on another thread, while changes go on and are followed.
    private func measure(_ copy: ShardHost) {
        let (snapshot, number) = copy.beginMeasuring()
        let owner = LoopConfined((self, copy))
        let eventLoop = loop.eventLoop
        Task.detached {
            let checksum = snapshot.checksum()
            eventLoop.execute {
                let (steward, copy) = owner.value
                copy.endMeasuring(checksum, number: number)
                if steward.loop.isCurrent(copy) { steward.progress(steward.loop.seat(copy.shard)) }
            }
        }
    }

    // MARK: Payments

    /// Tells the threads that pay what is ours, at the end of this tick.
    private func publishSoon() {
        guard !isPublishing else { return }
        isPublishing = true
        loop.eventLoop.execute {
            self.isPublishing = false
            var owned = OwnedShards.Ownership(instance: self.instance)
            for seat in self.loop.seats { owned.epochs[seat.shard] = seat.paysAt }
            guard owned != self.published else { return }
            self.published = owned
            self.ledger?.setOwnership(owned)
        }
    }
}
