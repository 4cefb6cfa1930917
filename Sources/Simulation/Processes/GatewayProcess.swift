import Core
import Ownership

/// A gateway: a `RouteTable` and `ParkedRequests` decide, this carries out.
final class GatewayProcess: Process {
    private struct Pending {
        var request: Request
        var answer: Answering
        var deadline: MonotonicNanoseconds
        var sentBy = RouteTable.Route(owner: nil, epoch: Epoch(0))
        /// Rises with each sending: an answer to an older one is late.
        var attempt = 0
        var isSent = false
    }

    private var routes = RouteTable()
    private(set) var parked = ParkedRequests()
    private var pending: [UInt64: Pending] = [:]
    private var lastToken: UInt64 = 0

    static let deadline = milliseconds(1500)

    override func started() {
        routes = RouteTable(shards: cluster.scenario.shards)
        parked = ParkedRequests()
        pending = [:]
        followTopology()
        every(milliseconds(100)) { [unowned self] in followTopology() }
        every(milliseconds(5)) { [unowned self] in sweep() }
    }

    override func crashed() {
        pending = [:]
        parked = ParkedRequests()
    }

    var isIdle: Bool { pending.isEmpty && parked.count == 0 && parked.bytes == 0 }

    private func followTopology() {
        cluster.database.call(from: self, body: { $0.shards.map { ($0.owner, $0.epoch) } }) { [unowned self] outcome in
            guard case .value(let rows) = outcome else { return }
            for (shard, row) in rows.enumerated() where routes.learn(ShardID(shard), owner: row.0, epoch: row.1) {
                for token in parked.routeChanged(ShardID(shard)) { send(token) }
            }
        }
    }

    func receive(_ request: Request, _ answer: @escaping Answering) {
        lastToken += 1
        pending[lastToken] = Pending(request: request, answer: answer, deadline: localNow + Self.deadline)
        send(lastToken)
    }

    private func sweep() {
        let now = localNow
        let (again, expired) = parked.due(now: now)
        for token in expired { respond(token, .refused) }
        for token in again { send(token) }
        guard !pending.isEmpty else { return }
        for token in pending.filter({ $0.value.deadline <= now }).keys.sorted() {
            respond(token, pending[token]?.request.kind.changesSomething == true ? .unknown : .refused)
        }
    }

    private func send(_ token: UInt64) {
        guard var request = pending[token] else { return }
        let route = routes[ShardID(request.request.shard)]
        request.sentBy = route
        request.attempt += 1
        request.isSent = true
        pending[token] = request
        guard let owner = route.owner else { return respond(token, .refused) }
        let attempt = request.attempt
        let boot = boot
        cluster.carry(
            request.request, to: owner,
            refused: { [unowned self] in
                // Nobody listens there: its process is gone.
                deliver(boot) { [unowned self] in receive(.refused, token, attempt) }
            }
        ) { [unowned self] reply in
            deliver(boot) { [unowned self] in receive(reply, token, attempt) }
        }
    }

    private func receive(_ reply: Reply, _ token: UInt64, _ attempt: Int) {
        guard let request = pending[token], request.attempt == attempt, request.isSent else { return }
        pending[token]?.isSent = false
        let shard = ShardID(request.request.shard)
        switch reply {
        case .moved(let owner, let epoch):
            let next = routes.moved(shard, to: owner, epoch: epoch, sentBy: request.sentBy)
            if next == .sendAgain { for other in parked.routeChanged(shard) { send(other) } }
            go(next, token, request)
        case .notYet: go(routes.notYet(shard, sentBy: request.sentBy), token, request)
        case .notOwner:
            followTopology()
            go(routes.notOwner(shard, sentBy: request.sentBy), token, request)
        case .read, .done, .accepted, .refused, .senseless, .unknown: respond(token, reply)
        }
    }

    private func go(_ next: RouteTable.Next, _ token: UInt64, _ request: Pending) {
        switch next {
        case .sendAgain: send(token)
        case .park:
            let isKept = parked.park(
                token, ShardID(request.request.shard), bytes: 100, deadline: request.deadline, now: localNow)
            if !isKept { respond(token, .refused) }
        case .refuse: respond(token, .refused)
        }
    }

    private func respond(_ token: UInt64, _ reply: Reply) {
        guard let request = pending.removeValue(forKey: token) else { return }
        parked.settled(token, ShardID(request.request.shard))
        request.answer(reply)
    }
}
