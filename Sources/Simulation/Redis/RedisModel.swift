import Core

/// The queues: jobs are given at least once, and all of it can be forgotten. Each queue has the epoch of its owner as a marker.
final class RedisModel {
    private struct Queue {
        var waiting: [Int] = []
        var inHand: [(number: Int, of: WorkerInstanceID, since: VirtualTime)] = []
        var marker: Epoch?
    }

    private unowned let cluster: Cluster
    private var queues: [Queue]
    /// Jobs taken over from the hands of others.
    private(set) var takenOver = 0

    static let batchMax = 4
    /// After so long in the hand of one who is not the owner a job is taken over.
    private static let handMax = milliseconds(1000)

    init(_ cluster: Cluster) {
        self.cluster = cluster
        queues = Array(repeating: Queue(), count: cluster.scenario.shards)
    }

    /// Asks for something, carried out when it arrives; the answer goes to the process if it lives.
    private func call<Value>(from process: Process, _ body: @escaping () -> Value, then: @escaping (Value) -> Void) {
        let boot = process.boot
        cluster.timeline.plan(at: cluster.timeline.now + cluster.random.between(microseconds(50), microseconds(300))) {
            [unowned cluster] in
            let value = body()
            cluster.timeline.plan(at: cluster.timeline.now + microseconds(100)) { process.deliver(boot) { then(value) } }
        }
    }

    func add(_ numbers: [Int], _ shard: Int, from process: Process) {
        call(from: process) { [unowned self] in
            for number in numbers {
                // A job may be added while it is in hand, and is then done twice.
                if !queues[shard].waiting.contains(number) { queues[shard].waiting.append(number) }
                if cluster.strikes(.doubledFrames, perMille: 30) { queues[shard].waiting.append(number) }
            }
        } then: { _ in
        }
    }

    func serve(_ shard: Int, _ instance: WorkerInstanceID, _ epoch: Epoch, from process: Process) {
        call(from: process) { [unowned self] in
            guard epoch >= queues[shard].marker ?? Epoch(0) else { return }
            queues[shard].marker = epoch
            let others = queues[shard].inHand.filter { $0.of != instance }
            takenOver += others.count
            queues[shard].inHand.removeAll { $0.of != instance }
            queues[shard].waiting += others.map(\.number)
        } then: { _ in
        }
    }

    /// Marks a queue that has lost its marker, and takes over what has been in the hand of another for long.
    func keep(_ shard: Int, _ instance: WorkerInstanceID, _ epoch: Epoch, from process: Process) {
        call(from: process) { [unowned self] in
            guard epoch >= queues[shard].marker ?? Epoch(0) else { return }
            queues[shard].marker = epoch
            let lost = queues[shard].inHand.filter { $0.of != instance && $0.since + Self.handMax < cluster.timeline.now }
            queues[shard].inHand.removeAll { job in lost.contains { $0.number == job.number && $0.of == job.of } }
            queues[shard].waiting += lost.map(\.number)
        } then: { _ in
        }
    }

    func take(
        _ shard: Int, _ instance: WorkerInstanceID, _ epoch: Epoch, from process: Process, then: @escaping ([Int]) -> Void
    ) {
        call(
            from: process,
            { [unowned self] () -> [Int] in
                guard epoch >= queues[shard].marker ?? Epoch(0) else { return [] }
                let taken = Array(queues[shard].waiting.prefix(Self.batchMax))
                queues[shard].waiting.removeFirst(taken.count)
                queues[shard].inHand += taken.map { ($0, instance, cluster.timeline.now) }
                return taken
            }, then: then)
    }

    /// - Parameter isDone: false gives them back.
    func settle(_ numbers: [Int], _ shard: Int, _ instance: WorkerInstanceID, isDone: Bool, from process: Process) {
        call(from: process) { [unowned self] in
            for number in numbers {
                guard let index = queues[shard].inHand.firstIndex(where: { $0.number == number && $0.of == instance }) else {
                    continue
                }
                queues[shard].inHand.remove(at: index)
                if !isDone { queues[shard].waiting.append(number) }
            }
        } then: { _ in
        }
    }

    func wipe() {
        cluster.trace("Redis forgets everything")
        for shard in queues.indices { queues[shard] = Queue() }
    }

    func isWaiting(_ shard: Int) -> Bool { !queues[shard].waiting.isEmpty }
    var isEmpty: Bool { queues.allSatisfy { $0.waiting.isEmpty && $0.inHand.isEmpty } }
}
