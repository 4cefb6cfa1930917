import Core

/// What lanes, watchdog, keeper and owner of a consumer know of each other. Pure: time is a parameter.
struct ConsumerState {
    enum Phase: Comparable { case running, draining, stopping }

    /// A call that the watchdog has an eye on.
    struct Call {
        let cancel: @Sendable () -> Void
        var limit: MonotonicNanoseconds
        var cancelledAt: MonotonicNanoseconds?
        /// While `cancel` runs; the lane waits for its end, so that it never hits a later call.
        var isCancelling = false
    }

    struct Slot {
        var name: ConsumerName
        var generation = 0
        /// Whether a thread runs it.
        var isRunning = false
        /// The version of the orders it works by. What it took by older ones is out of its hand.
        var seenVersion = 0
        /// What it has in hand.
        var inHand: [Job] = []
        /// The version at which that came into its hand.
        var heldVersion = 0
        var renewedAt: MonotonicNanoseconds = 0
        var call: Call?
    }

    /// What a lane is to do.
    struct Orders {
        let phase: Phase
        let version: Int
        /// Those of this lane.
        let shards: [OwnedShard]
        /// The names of all lanes that live.
        let living: [ConsumerName]
    }

    /// So many lanes may be lost within an hour; a process that loses more has something in it that hangs.
    static let laneLossesMax = 16
    static let laneLossNanoseconds: UInt64 = 3_600_000_000_000

    let base: ConsumerName
    private(set) var phase = Phase.running
    /// Rises with every change of the orders.
    private(set) var version = 0
    private(set) var shards: [ShardID: Epoch] = [:]
    /// Shards that were the consumer's, by the version at which they were taken from it.
    private var leftAt: [ShardID: Int] = [:]
    /// Shards that a later owner has marked.
    private(set) var stale: Set<OwnedShard> = []
    /// What each lane takes from.
    private var assigned: [[OwnedShard]]
    var lanes: [Slot]
    /// Lanes that were given up within the last hour; what Redis has under their names is taken over.
    private var losses: [(name: ConsumerName, at: MonotonicNanoseconds)] = []
    /// Lanes that were ever given up.
    private(set) var lossesCount = 0
    /// The one lane that may have suspects in hand.
    var suspectsLane: Int?
    var isKeeping = false
    var isWatching = false

    init(base: ConsumerName, lanes count: Int) {
        self.base = base
        lanes = (0..<count).map { Slot(name: base.lane($0, generation: 0)) }
        assigned = Array(repeating: [], count: count)
    }

    /// Which lane has a shard. Multiplied, so that a worker that has every second shard uses every lane.
    static func lane(of shard: ShardID, lanes: Int) -> Int {
        Int((UInt32(shard.rawValue) &* 2_654_435_761) >> 16) % lanes
    }

    mutating func advance(to next: Phase) {
        guard next > phase else { return }
        phase = next
        version += 1
    }

    mutating func setShards(_ owned: [OwnedShard]) {
        let former = shards
        shards = Dictionary(owned.map { ($0.shard, $0.epoch) }, uniquingKeysWith: max)
        stale = stale.filter { shards[$0.shard] == $0.epoch }
        assign()
        for shard in shards.keys { leftAt[shard] = nil }
        for shard in former.keys where shards[shard] == nil { leftAt[shard] = version }
    }

    /// Whether a shard is not the consumer's, and its lane has no job of it: none in hand, and none that it is about to take by older orders or
    /// has not given back.
    func hasLetGo(of shard: ShardID) -> Bool {
        guard let left = leftAt[shard] else { return shards[shard] == nil }
        let lane = lanes[Self.lane(of: shard, lanes: lanes.count)]
        if lane.inHand.contains(where: { $0.shard == shard }) { return false }
        if !lane.isRunning || lane.seenVersion >= left { return true }
        // What it took before the shard left is all in its hand.
        return !lane.inHand.isEmpty && lane.heldVersion < left
    }

    /// Whether a lane has jobs in hand of a shard that was taken from the consumer since: somebody waits for it to let go of them.
    func hasLostAShard(lane index: Int) -> Bool {
        lanes[index].heldVersion != version && lanes[index].inHand.contains { leftAt[$0.shard] != nil }
    }

    /// Notes that later owners have marked these shards. Gives those of which that is news.
    mutating func markStale(_ owned: [OwnedShard]) -> [OwnedShard] {
        let fresh = owned.filter { shards[$0.shard] == $0.epoch && !stale.contains($0) }
        guard !fresh.isEmpty else { return [] }
        stale.formUnion(fresh)
        assign()
        return fresh
    }

    /// The markers of these shards are in order again.
    mutating func unmarkStale(_ owned: [OwnedShard]) {
        let count = stale.count
        stale.subtract(owned)
        if stale.count < count { assign() }
    }

    private mutating func assign() {
        version += 1
        assigned = Array(repeating: [], count: lanes.count)
        for owned in ownedShards { assigned[Self.lane(of: owned.shard, lanes: lanes.count)].append(owned) }
    }

    /// What may be taken from, in order.
    var ownedShards: [OwnedShard] {
        shards.map { OwnedShard($0.key, $0.value) }.filter { !stale.contains($0) }.sorted { $0.shard < $1.shard }
    }

    func isCurrent(lane: Int, generation: Int) -> Bool { lanes[lane].generation == generation }

    /// Nil for a lane that has been given up: its thread is to end. Whoever asks has nothing in hand, or only what is left to be settled.
    mutating func orders(lane: Int, generation: Int) -> Orders? {
        guard lanes[lane].generation == generation else { return nil }
        lanes[lane].seenVersion = version
        return Orders(phase: phase, version: version, shards: assigned[lane], living: lanes.map(\.name))
    }

    /// Takes jobs that were taken by these orders into a lane's hand: those whose shards are still the consumer's, at the same epochs. The rest is to
    /// be released. Nil for a lane that has been given up.
    mutating func hold(
        _ jobs: [Job], lane: Int, generation: Int, orders: Orders, now: MonotonicNanoseconds
    ) -> (held: [Job], foreign: [Job])? {
        guard lanes[lane].generation == generation else { return nil }
        var held = jobs
        var foreign: [Job] = []
        if orders.version != version {
            let mine = Set(phase == .running ? orders.shards.filter { shards[$0.shard] == $0.epoch }.map(\.shard) : [])
            held = jobs.filter { mine.contains($0.shard) }
            foreign = jobs.filter { !mine.contains($0.shard) }
        }
        lanes[lane].inHand = held
        lanes[lane].heldVersion = version
        lanes[lane].renewedAt = now
        return (held, foreign)
    }

    /// Whether every lane works by the present orders: no job is in hand, or about to be, that they do not allow.
    var isQuiet: Bool {
        lanes.allSatisfy { !$0.isRunning || ($0.seenVersion == version && ($0.inHand.isEmpty || phase == .running)) }
    }

    enum Alarm {
        case cancel(lane: Int, generation: Int, @Sendable () -> Void)
        case replace(lane: Int, generation: Int, lost: ConsumerName, jobs: Int)
        case doNotReplace(lane: Int, lost: ConsumerName, jobs: Int)
    }

    /// What the watchdog has to do about calls that take too long.
    mutating func alarms(now: MonotonicNanoseconds, graceNanoseconds: UInt64) -> [Alarm] {
        var alarms: [Alarm] = []
        for index in lanes.indices {
            guard let call = lanes[index].call, now >= call.limit else { continue }
            guard let cancelledAt = call.cancelledAt else {
                lanes[index].call?.cancelledAt = now
                lanes[index].call?.isCancelling = true
                alarms.append(.cancel(lane: index, generation: lanes[index].generation, call.cancel))
                continue
            }
            guard now >= cancelledAt + graceNanoseconds else { continue }
            let name = lanes[index].name
            let jobs = lanes[index].inHand.count
            losses.removeAll { now - $0.at >= Self.laneLossNanoseconds }
            losses.append((name, now))
            lossesCount += 1
            let generation = lanes[index].generation + 1
            lanes[index] = Slot(name: base.lane(index, generation: generation), generation: generation)
            if suspectsLane == index { suspectsLane = nil }
            if losses.count > Self.laneLossesMax || phase == .stopping {
                alarms.append(.doNotReplace(lane: index, lost: name, jobs: jobs))
            } else {
                lanes[index].isRunning = true
                alarms.append(.replace(lane: index, generation: generation, lost: name, jobs: jobs))
            }
        }
        return alarms
    }

    var lost: [ConsumerName] { losses.map(\.name) }

    /// A call of `cancel` has come back.
    mutating func cancelled(lane: Int, generation: Int) {
        if isCurrent(lane: lane, generation: generation) { lanes[lane].call?.isCancelling = false }
    }

    /// Has the watchdog cancel every call at its next look.
    mutating func hurry(now: MonotonicNanoseconds) {
        for index in lanes.indices { lanes[index].call?.limit = now }
    }

    /// What is in hand for so long that its consumer should show that it lives; counts as shown.
    mutating func renewals(now: MonotonicNanoseconds, everyNanoseconds: UInt64) -> [(ConsumerName, [Job])] {
        var renewals: [(ConsumerName, [Job])] = []
        for index in lanes.indices where !lanes[index].inHand.isEmpty && now >= lanes[index].renewedAt + everyNanoseconds {
            lanes[index].renewedAt = now
            renewals.append((lanes[index].name, lanes[index].inHand))
        }
        return renewals
    }
}
