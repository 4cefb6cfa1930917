import Core
import Ownership

/// What is wanted of the cluster, and what goes wrong in it, at random times.
extension Cluster {
    /// Somebody applies a plan, one after the other, and now and then pauses or aborts it.
    func planRebalances(until end: VirtualTime) {
        var moment = timeline.now
        while moment < end {
            moment += random.between(milliseconds(5), milliseconds(60))
            timeline.plan(at: moment) { [unowned self] in applyPlan() }
        }
        guard random.chance(200) else { return }
        moment = timeline.now
        while moment < end {
            moment += random.between(milliseconds(100), milliseconds(900))
            timeline.plan(at: min(moment, end - 1)) { [unowned self] in
                let action = random.below(3)
                database.tables.steer { plan in
                    switch action {
                    case 0: plan.pause()
                    case 1: plan.resume()
                    default: plan.abort()
                    }
                }
            }
        }
    }

    private func applyPlan() {
        let tables = database.tables
        let living = tables.leases.keys.filter(tables.isLiving).sorted()
        guard !tables.rebalance.isUnderWay, !living.isEmpty else { return }
        let moves = tables.shards.indices.compactMap { shard -> PlannedMove? in
            guard let owner = tables.shards[shard].owner, random.chance(600) else { return nil }
            let others = living.filter { $0 != owner }
            guard !others.isEmpty else { return nil }
            let target = others[random.below(others.count)]
            return PlannedMove(shard: ShardID(shard), source: owner, target: target, fromEpoch: tables.shards[shard].epoch)
        }
        tables.apply(moves)
    }

    func planTrouble(until end: VirtualTime) {
        repeated(.workerCrashes, 300, 1500, until: end) { [unowned self] in
            pick(workers).crash(restartAfter: random.between(milliseconds(10), milliseconds(1500)))
        }
        repeated(.workerLeaves, 300, 1500, until: end) { [unowned self] in pick(workers).leave() }
        repeated(.workerPauses, 200, 1200, until: end) { [unowned self] in
            pick(workers).pause(for: random.between(milliseconds(5), milliseconds(1800)))
        }
        repeated(.coordinatorCrashes, 200, 1200, until: end) { [unowned self] in
            pick(coordinators).crash(restartAfter: random.between(milliseconds(10), milliseconds(800)))
        }
        repeated(.coordinatorPauses, 200, 1200, until: end) { [unowned self] in
            pick(coordinators).pause(for: random.between(milliseconds(10), milliseconds(2000)))
        }
        repeated(.gatewayCrashes, 200, 1200, until: end) { [unowned self] in
            pick(gateways).crash(restartAfter: random.between(milliseconds(10), milliseconds(400)))
        }
        repeated(.postgresRestarts, 400, 2000, until: end) { [unowned self] in
            database.restart(downFor: random.between(milliseconds(20), milliseconds(1300)))
        }
        repeated(.partitions, 150, 900, until: end) { [unowned self] in
            let process = pick(processes)
            trace("\(process.name) and PostgreSQL do not reach each other")
            process.cutOffUntil = timeline.now + random.between(milliseconds(20), milliseconds(1600))
        }
        repeated(.redisWipes, 300, 1500, until: end) { [unowned self] in redis.wipe() }
        repeated(.operatorAborts, 50, 500, until: end) { [unowned self] in
            database.tables.abortActive(.operator) { [unowned self] _ in random.chance(500) }
        }
    }

    /// A worker's part of a hand-off has entered a state.
    func entered(_ state: String, _ worker: WorkerProcess) {
        guard state == scenario.stateToHit else { return }
        if strikes(.crashesInStates, perMille: 150) {
            worker.crash(restartAfter: random.between(milliseconds(10), milliseconds(1500)))
        } else if strikes(.pausesInStates, perMille: 150) {
            worker.pause(for: random.between(milliseconds(5), milliseconds(1800)))
        }
    }

    private func pick<Some: Process>(_ processes: [Some]) -> Some { processes[random.below(processes.count)] }

    private func repeated(_ kind: FaultKind, _ low: Int, _ high: Int, until end: VirtualTime, _ trouble: @escaping () -> Void) {
        guard scenario.faults.contains(kind) else { return }
        var moment = timeline.now
        while true {
            moment += random.between(milliseconds(low), milliseconds(high))
            guard moment < end else { return }
            timeline.plan(at: moment, trouble)
        }
    }
}
