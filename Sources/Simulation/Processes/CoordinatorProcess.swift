import Core
import Ownership
import Placement

/// A coordinator: while it leads, `RebalanceModel`, `WarmCopies` and `ShardPlacement` decide, this carries out.
final class CoordinatorProcess: Process {
    private let number: Int
    private var term: Int?
    private var isBusy = false
    private var patientUntil: MonotonicNanoseconds = 0

    private static let stepsMax = 20

    init(_ cluster: Cluster, number: Int, clockRate: UInt64) {
        self.number = number
        super.init(cluster, "coordinator \(number)", clockRate: clockRate)
    }

    override func started() {
        term = nil
        isBusy = false
        every(milliseconds(60)) { [unowned self] in cycle() }
        every(milliseconds(8)) { [unowned self] in lookAtPlan() }
    }

    /// Between two cycles: whether the plan can go on.
    private func lookAtPlan() {
        guard !isBusy, let term, cluster.database.tables.rebalance.isUnderWay else { return }
        isBusy = true
        carry(term, steps: Self.stepsMax)
    }

    private func cycle() {
        guard !isBusy else { return }
        isBusy = true
        let known = term
        cluster.database.call(from: self, body: { [number] in $0.lead(number, known) }) { [unowned self] outcome in
            guard case .value(let current) = outcome else { return isBusy = false }
            if current != term, current != nil { patientUntil = localNow + milliseconds(300) }
            term = current
            guard let current else { return isBusy = false }
            if localNow >= patientUntil { release(current) } else { look(current) }
        }
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
        cluster.database.call(
            from: self,
            body: { tables -> (RebalanceModel.Picture, [ShardMove]) in
                tables.abortOverdue(term: term)
                return (tables.picture, tables.moves.suffix(20))
            }
        ) { [unowned self] outcome in
            guard case .value(let (picture, late)) = outcome, self.term == term else { return isBusy = false }
            assign(picture, late, term)
        }
    }

    private func assign(_ picture: RebalanceModel.Picture, _ late: [ShardMove], _ term: Int) {
        let free = picture.owners.indices.filter { picture.owners[$0].owner == nil }.map { ShardID($0) }
        guard !free.isEmpty, !picture.living.isEmpty else { return carry(term, steps: Self.stepsMax) }
        let warm = Dictionary(
            uniqueKeysWithValues: WarmCopies.preferences(for: free, among: picture.living, moves: late).map {
                ($0.shard, $0.worker)
            })
        let wanted = ShardPlacement.assign(
            picture.owners.indices.map { .init(id: ShardID($0), owner: picture.owners[$0].owner, weight: 1) },
            to: picture.living.sorted().map { .init(instance: $0, capacity: 1) }, preferred: warm
        ).filter { pair in free.contains(pair.shard) }
        cluster.database.call(
            from: self, locks: wanted.map(\.shard).sorted().map { (.shard(Int($0.rawValue)), .exclusive) },
            lockPatience: milliseconds(120), body: { $0.assign(wanted, term: term) }
        ) { [unowned self] _ in carry(term, steps: Self.stepsMax) }
    }

    /// The plan that is applied, step by step.
    private func carry(_ term: Int, steps: Int) {
        guard self.term == term, steps > 0 else { return isBusy = false }
        // The order locks the shard's row, whichever it turns out to be: as far as can be told before.
        let shard = cluster.database.tables.nextToOrder
        cluster.database.call(
            from: self, locks: shard.map { [(.shard(Int($0.rawValue)), .shared)] } ?? [],
            body: { $0.advanceRebalance(term: term) }
        ) { [unowned self] outcome in
            switch outcome {
            case .value(.ordered?), .value(.progressed?): carry(term, steps: steps - 1)
            case .value(nil):
                self.term = nil
                isBusy = false
            case .value, .failed, .unknown: isBusy = false
            }
        }
    }
}
