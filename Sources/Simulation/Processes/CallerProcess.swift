import Core
import Ownership

/// Somebody who asks, one request after the other, and tries again what has to be done until it is.
final class CallerProcess: Process {
    private(set) var isBusy = false

    override func started() {}

    func begin() { after(cluster.random.between(0, milliseconds(30))) { [unowned self] in ask() } }

    private func ask() {
        guard cluster.asksMore else { return isBusy = false }
        let shard = cluster.random.below(cluster.scenario.shards)
        let members = cluster.database.tables.shards[shard].members
        let kind: Request.Kind
        switch cluster.random.below(92 + cluster.scenario.movesFor92Others) {
        case ..<50: kind = .read
        case ..<70: kind = .transaction(pick(members.all), key: cluster.nextKey())
        case ..<80: kind = .write(.join, key: cluster.nextKey())
        case ..<92: kind = .write(.status(pick(members.all), cluster.random.chance(500)), key: cluster.nextKey())
        default:
            let target = (shard + 1 + cluster.random.below(cluster.scenario.shards - 1)) % cluster.scenario.shards
            kind = .write(.move(pick(members.all) | pick(members.all), to: target), key: cluster.nextKey())
        }
        isBusy = true
        send(kind, shard, attempt: 1)
    }

    private func pick(_ bits: UInt64) -> UInt64 {
        var chosen = bits
        for _ in 0..<cluster.random.below(max(1, bits.nonzeroBitCount)) { chosen &= chosen &- 1 }
        return chosen & (~chosen &+ 1)
    }

    private func send(_ kind: Request.Kind, _ shard: Int, attempt: Int) {
        let gateway = cluster.gateways[cluster.random.below(cluster.gateways.count)]
        let request = Request(kind: kind, shard: shard, floor: cluster.checks.floors[shard])
        let isAnswered = Box(false)
        let hasGivenUp = Box(false)
        let answered = { [unowned self] (reply: Reply) in
            cluster.checks.answers(isAnswered.value)
            isAnswered.value = true
            guard !hasGivenUp.value else { return cluster.checks.heard(reply, to: request, isLate: true) }
            cluster.checks.heard(reply, to: request, isLate: false)
            took(reply, kind, shard, attempt)
        }
        cluster.ask(gateway, request, answered)
        // A gateway that has died answers nothing.
        after(GatewayProcess.deadline * 2) { [unowned self] in
            guard !isAnswered.value, !hasGivenUp.value else { return }
            hasGivenUp.value = true
            took(.unknown, kind, shard, attempt)
        }
    }

    private func took(_ reply: Reply, _ kind: Request.Kind, _ shard: Int, _ attempt: Int) {
        switch reply {
        case .read, .done, .accepted, .senseless: next()
        default:
            if case .read = kind { return next() }
            // What has to be done is tried again with the same key, until it is known to be.
            after(cluster.random.between(milliseconds(10), milliseconds(100))) { [unowned self] in
                send(kind, shard, attempt: attempt + 1)
            }
        }
    }

    private func next() {
        after(cluster.random.between(milliseconds(2), milliseconds(40))) { [unowned self] in ask() }
    }
}
