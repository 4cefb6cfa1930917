import Core
import Ownership

/// What must hold at every moment of every run. The list: `docs/design/handoff.md`.
final class Checks {
    private struct ShardEpoch: Hashable {
        var shard: Int
        var epoch: Epoch
    }

    private unowned let cluster: Cluster
    private var owners: [ShardEpoch: WorkerInstanceID] = [:]
    private var epochs: [Epoch]
    private var lastCommit: [Epoch]
    private var lastTerm = 0
    /// By shard: the last change that anybody has seen.
    var floors: [ChangeSequence]
    /// Keys of what callers were told is done.
    private var acceptedKeys: Set<Int> = []
    private var doneKeys: Set<Int> = []
    var movesCommitted = 0
    private(set) var answers = 0
    private(set) var refusals = 0

    init(_ cluster: Cluster) {
        self.cluster = cluster
        epochs = Array(repeating: Epoch(0), count: cluster.scenario.shards)
        lastCommit = epochs
        floors = Array(repeating: 0, count: cluster.scenario.shards)
    }

    // MARK: PostgreSQL

    /// A shard has got an owner.
    func owns(_ owner: WorkerInstanceID, _ shard: Int, _ epoch: Epoch) {
        if epoch <= epochs[shard] {
            cluster.fail("shard \(shard) has a new owner, and the epoch went from \(epochs[shard]) to \(epoch)")
        }
        epochs[shard] = epoch
        let key = ShardEpoch(shard: shard, epoch: epoch)
        if let other = owners[key], other != owner { cluster.fail("shard \(shard) has two owners at epoch \(epoch)") }
        owners[key] = owner
    }

    /// A worker's transaction commits.
    func committed(by owner: WorkerInstanceID, _ shard: Int, _ epoch: Epoch, _ row: ShardRow) {
        if epoch < lastCommit[shard] {
            cluster.fail("a commit to shard \(shard) at epoch \(epoch) after one at \(lastCommit[shard])")
        }
        lastCommit[shard] = max(lastCommit[shard], epoch)
        if row.owner != owner || row.epoch != epoch {
            cluster.fail("\(owner) commits to shard \(shard) at epoch \(epoch), which is not its own")
        }
    }

    func coordinatorWrote(term: Int, _ current: Int) {
        if term < lastTerm || term != current {
            cluster.fail("a coordinator writes in term \(term), the current one is \(current)")
        }
        lastTerm = max(lastTerm, term)
    }

    /// A transaction is accepted that was not there.
    func accepted(_ new: Tables.NewTransaction, _ shard: Int) {
        if new.applied < new.floor {
            cluster.fail(
                "a transaction's upline is that of change \(new.applied) of shard \(shard); its caller has seen \(new.floor)")
        }
    }

    // MARK: Workers

    /// A worker answers out of its memory.
    func answered(by worker: WorkerProcess, _ shard: Int, _ epoch: Epoch, _ copy: Copy) {
        let row = cluster.database.tables.shards[shard]
        if row.owner != worker.instance || row.epoch != epoch {
            cluster.fail(
                "\(worker.name), \(worker.instance), answers for shard \(shard) at epoch \(epoch); PostgreSQL says "
                    + "\(row.owner.map { "\($0)" } ?? "nobody") at \(row.epoch)")
        }
        if copy.applied > row.last || row.states[Int(copy.applied)] != copy.members {
            cluster.fail("\(worker.name) answers for shard \(shard) what PostgreSQL never had at change \(copy.applied)")
        }
    }

    // MARK: Callers

    func answers(_ isSecond: Bool) {
        answers += 1
        if isSecond { cluster.fail("a request got two answers") }
    }

    func heard(_ reply: Reply, to request: Request, isLate: Bool) {
        let shard = request.shard
        switch reply {
        case .read(let applied, _):
            if applied < request.floor {
                cluster.fail("a read of shard \(shard) got change \(applied); \(request.floor) had been seen before it was asked")
            }
            floors[shard] = max(floors[shard], applied)
        case .done(let sequence):
            if case .write(_, let key) = request.kind { doneKeys.insert(key) }
            floors[shard] = max(floors[shard], sequence)
        case .accepted: if case .transaction(_, let key) = request.kind { acceptedKeys.insert(key) }
        case .senseless: break
        case .moved, .notYet, .notOwner, .refused, .unknown:
            refusals += 1
            if cluster.scenario.isHarmless { cluster.fail("a request was answered \(reply) though nothing went wrong") }
        }
    }

    // MARK: The end

    /// Why the cluster has not settled; nil: it has.
    func unsettled() -> String? {
        let tables = cluster.database.tables
        if let move = tables.moves.first(where: \.isActive) { return "move \(move.id) is still \(move.stage.name)" }
        for (shard, row) in tables.shards.enumerated() {
            guard let owner = row.owner, let worker = cluster.worker(owner) else { return "shard \(shard) has no living owner" }
            guard worker.places[shard].duty.state == .serving(row.epoch), worker.isTrusted else {
                return "\(worker.name) does not serve shard \(shard) but is \(worker.places[shard].duty.stateName)"
            }
            if worker.places[shard].copy?.applied != row.last { return "\(worker.name) is behind with shard \(shard)" }
            for other in cluster.workers where other !== worker && other.places[shard].duty.ownEpoch != nil {
                return "\(other.name) believes that shard \(shard) is its own"
            }
        }
        for worker in cluster.workers {
            if let shard = worker.places.indices.first(where: { !worker.places[$0].isIdle }) {
                return "\(worker.name) has work left for shard \(shard)"
            }
            let isStandingBy = cluster.scenario.faults.contains(.standbys)
            for (shard, place) in worker.places.enumerated()
            where place.copy != nil && place.duty.ownEpoch == nil && !isStandingBy {
                return "\(worker.name) keeps a copy of shard \(shard)"
            }
        }
        if cluster.callers.contains(where: \.isBusy) { return "a caller has not got its answer" }
        if let gateway = cluster.gateways.first(where: { !$0.isIdle }) { return "\(gateway.name) has requests left" }
        if tables.transactions.contains(where: { !$0.isProcessed }) { return "transactions are not paid" }
        if !cluster.redis.isEmpty { return "jobs are left" }
        if tables.rebalance.isUnderWay { return "a plan is still \(tables.rebalance.state)" }
        return nil
    }

    /// What must be so once everything has settled.
    func settled() {
        let tables = cluster.database.tables
        var everybody: UInt64 = 0
        for (shard, row) in tables.shards.enumerated() {
            if everybody & row.members.all != 0 { cluster.fail("an affiliate is in two shards") }
            everybody |= row.members.all
            guard let owner = row.owner, let copy = cluster.worker(owner)?.places[shard].copy else { continue }
            if copy.members != row.members { cluster.fail("the memory of shard \(shard) is not what PostgreSQL has") }
        }
        for transaction in tables.transactions
        where transaction.payments != [transaction.upline.nonzeroBitCount] {
            cluster.fail("transaction \(transaction.key) was paid \(transaction.payments)")
        }
        for key in acceptedKeys where tables.transactionKeys[key] == nil {
            cluster.fail("the accepted transaction \(key) is not there")
        }
        for key in doneKeys where tables.writes[key] == nil { cluster.fail("the change \(key) was answered and is not there") }
        guard cluster.scenario.isHarmless else { return }
        if cluster.redis.takenOver > 0 { cluster.fail("jobs counted as crashed though nothing went wrong") }
        for move in tables.moves {
            if case .aborted(let reason, _) = move.stage, reason != .operator {
                cluster.fail("move \(move.id) was aborted (\(reason.rawValue)) though nothing went wrong")
            }
        }
    }
}
