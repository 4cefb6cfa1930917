import Core
import Ownership
import Placement

/// A coordinator: while it leads, `MoveRunner`, `WarmCopies` and `ShardPlacement` decide, this carries out.
final class CoordinatorProcess: Process {
    private let number: Int
    private var term: Int?
    private var runner = MoveRunner()
    private var wishesSeen = 0
    private var isBusy = false
    private var patientUntil: MonotonicNanoseconds = 0

    init(_ cluster: Cluster, number: Int, clockRate: UInt64) {
        self.number = number
        super.init(cluster, "coordinator \(number)", clockRate: clockRate)
    }

    override func started() {
        term = nil
        isBusy = false
        every(milliseconds(60)) { [unowned self] in cycle() }
    }

    /// All that is wanted has come about or can not.
    var isDone: Bool { term == nil || (runner.isDone && wishesSeen == cluster.wishes.count) }

    private func cycle() {
        guard !isBusy else { return }
        isBusy = true
        let known = term
        cluster.database.call(from: self, body: { [number] in $0.lead(number, known) }) { [unowned self] outcome in
            guard case .value(let current) = outcome else { return isBusy = false }
            if current != term, current != nil {
                runner = MoveRunner(throttles: Self.throttles)
                wishesSeen = 0
                patientUntil = localNow + milliseconds(300)
            }
            term = current
            guard let current else { return isBusy = false }
            if localNow >= patientUntil { release(current) } else { look(current) }
        }
    }

    private static var throttles: MoveRunner.Throttles {
        var throttles = MoveRunner.Throttles()
        throttles.pause = milliseconds(200)
        return throttles
    }

    private func release(_ term: Int) {
        let dead = cluster.database.tables.expired
        let shards = cluster.database.tables.shards.indices.filter {
            cluster.database.tables.shards[$0].owner.map(dead.contains) ?? false
        }
        cluster.database.call(
            from: self, locks: shards.map { (.shard($0), .exclusive) }, lockPatience: milliseconds(120),
            body: { $0.releaseDead(among: dead, term: term) }
        ) { [unowned self] outcome in
            if case .failed = outcome, !cluster.database.isDown { cluster.database.endFences() }
            if case .value(false) = outcome { self.term = nil }
            look(term)
        }
    }

    private func look(_ term: Int) {
        guard self.term == term else { return isBusy = false }
        let watched = runner.watched
        cluster.database.call(
            from: self,
            body: { tables -> (MoveRunner.Picture, [ShardMove]) in
                tables.abortOverdue(term: term)
                let living = Set(tables.leases.keys.filter(tables.isLiving))
                let moves = tables.moves.filter { $0.isActive || watched.contains($0.id) }
                return (
                    .init(owners: tables.shards.map { ($0.owner, $0.epoch) }, living: living, moves: moves),
                    tables.moves.suffix(20)
                )
            }
        ) { [unowned self] outcome in
            guard case .value(let (picture, late)) = outcome, self.term == term else { return isBusy = false }
            runner.want(Array(cluster.wishes[wishesSeen...]))
            wishesSeen = cluster.wishes.count
            let orders = runner.look(picture, now: localNow)
            for order in orders { place(order, term) }
            assign(picture, late, term)
        }
    }

    private func place(_ order: MoveRunner.Order, _ term: Int) {
        cluster.database.call(
            from: self, locks: [(.shard(Int(order.wanted.shard.rawValue)), .shared)], body: { $0.order(order, term: term) }
        ) { [unowned self] outcome in
            if case .value(let answer) = outcome {
                runner.answered(order, answer, now: localNow)
            } else {
                runner.answered(order, .refused, now: localNow)
            }
        }
    }

    private func assign(_ picture: MoveRunner.Picture, _ late: [ShardMove], _ term: Int) {
        let free = picture.owners.indices.filter { picture.owners[$0].owner == nil }.map { ShardID($0) }
        guard !free.isEmpty, !picture.living.isEmpty else { return isBusy = false }
        let warm = WarmCopies.preferences(for: free, among: picture.living, moves: late)
        let workers = picture.living.sorted().map { ShardPlacement.Worker(instance: $0, capacity: 1) }
        let rest = picture.owners.indices.map { index -> ShardPlacement.Shard in
            let preferred = warm.first { $0.shard == ShardID(index) }?.worker
            return .init(id: ShardID(index), owner: picture.owners[index].owner ?? preferred, weight: 1)
        }
        let wanted = warm + ShardPlacement.assign(rest, to: workers).filter { pair in free.contains(pair.shard) }
        cluster.database.call(
            from: self, locks: wanted.map(\.shard).sorted().map { (.shard(Int($0.rawValue)), .exclusive) },
            lockPatience: milliseconds(120), body: { $0.assign(wanted, term: term) }
        ) { [unowned self] _ in isBusy = false }
    }
}
