import Core
import Ownership

/// What a caller of PostgreSQL learns.
enum Outcome<Value> {
    case value(Value)
    /// It was certainly not done and never will be.
    case failed
    case unknown
}

/// PostgreSQL as hand-offs see it: statements that take locks, commit whole or not at all, arrive late, and whose answers get lost.
final class PostgresModel {
    private final class Statement {
        let keys: [(Locks.Key, Locks.Mode)]
        let instance: WorkerInstanceID?
        let work: VirtualTime
        let commit: () -> Void
        let cancel: (_ isKnown: Bool) -> Void
        /// While it still waits for locks: those that are missing.
        var missing: ArraySlice<(Locks.Key, Locks.Mode)>
        var waitsUntil: VirtualTime?

        init(
            keys: [(Locks.Key, Locks.Mode)], instance: WorkerInstanceID?, work: VirtualTime, commit: @escaping () -> Void,
            cancel: @escaping (_ isKnown: Bool) -> Void
        ) {
            self.keys = keys
            self.instance = instance
            self.work = work
            self.commit = commit
            self.cancel = cancel
            missing = keys[...]
        }
    }

    private unowned let cluster: Cluster
    let tables: Tables
    private var locks = Locks()
    private var open: [Int: Statement] = [:]
    private var lastStatement = 0
    private(set) var downUntil: VirtualTime = 0
    /// Of the server's clock, in thousandths of real time.
    let clockRate: UInt64

    init(_ cluster: Cluster, clockRate: UInt64) {
        self.cluster = cluster
        self.clockRate = clockRate
        tables = Tables(cluster)
    }

    /// The server's clock, nanoseconds.
    var clock: UInt64 { cluster.timeline.now * clockRate / 1000 }
    var isDown: Bool { cluster.timeline.now < downUntil }

    // MARK: Statements

    /// Asks for something and calls back once, unless the process has died since.
    /// - Parameters:
    ///   - locks: taken in this order, held until the commit.
    ///   - lockPatience: after waiting so long for them it is rolled back, and that is known.
    ///   - body: carried out whole at the moment of the commit.
    func call<Value>(
        from process: Process, locks keys: [(Locks.Key, Locks.Mode)] = [], lockPatience: VirtualTime? = nil,
        work: VirtualTime = microseconds(200), transfer: VirtualTime = 0, patience: VirtualTime = milliseconds(400),
        body: @escaping (Tables) -> Value, then: @escaping (Outcome<Value>) -> Void
    ) {
        let boot = process.boot
        let asked = cluster.timeline.now
        let settled = Box(false)
        let finish = { [unowned cluster] (outcome: Outcome<Value>, delay: VirtualTime) in
            cluster.timeline.plan(at: cluster.timeline.now + delay) {
                process.deliver(boot) {
                    guard !settled.value else { return }
                    settled.value = true
                    then(outcome)
                }
            }
        }
        // Only where something may go wrong: most statements are answered, and need no clock.
        let watch = { [unowned cluster] in
            cluster.timeline.plan(at: asked + patience) {
                process.deliver(boot) {
                    guard !settled.value else { return }
                    settled.value = true
                    then(.unknown)
                }
            }
        }
        guard !isDown else { return finish(.failed, milliseconds(1)) }
        guard !process.isCutOff else { return watch() }
        var latency = cluster.random.between(microseconds(80), microseconds(400))
        if cluster.strikes(.lateStatements, perMille: 15) {
            latency += cluster.random.between(milliseconds(20), milliseconds(1200))
            watch()
        }
        var work = work
        if !keys.isEmpty, cluster.strikes(.slowStatements, perMille: 25) {
            work += cluster.random.between(milliseconds(5), milliseconds(900))
            watch()
        }
        let statement = Statement(
            keys: keys, instance: process.leaseInstance, work: work,
            commit: { [unowned self] in
                let value = body(tables)
                if cluster.strikes(.lostAnswers, perMille: 20) || process.isCutOff { return watch() }
                var transfer = transfer
                if cluster.strikes(.lateStatements, perMille: 15) { transfer += cluster.random.between(0, milliseconds(300)) }
                finish(.value(value), transfer + cluster.random.between(microseconds(80), microseconds(400)))
            },
            cancel: { isKnown in finish(isKnown ? .failed : .unknown, microseconds(300)) })
        cluster.timeline.plan(at: asked + latency) { [unowned self] in
            guard !isDown else { return finish(.unknown, microseconds(300)) }
            begin(statement, lockPatience: lockPatience, watch)
        }
    }

    private func begin(_ statement: Statement, lockPatience: VirtualTime?, _ watch: () -> Void) {
        lastStatement += 1
        let number = lastStatement
        open[number] = statement
        if let lockPatience { statement.waitsUntil = cluster.timeline.now + lockPatience }
        go(on: number, statement)
        guard !statement.missing.isEmpty else { return }
        watch()
        if let lockPatience {
            cluster.timeline.plan(at: cluster.timeline.now + lockPatience) { [unowned self] in
                guard let waiting = open[number], !waiting.missing.isEmpty else { return }
                end(number)
                waiting.cancel(true)
            }
        }
    }

    /// Takes the locks that are missing; with all of them it works, and commits.
    private func go(on number: Int, _ statement: Statement) {
        while let (key, mode) = statement.missing.first {
            guard locks.take(key, mode, for: number) else { return }
            statement.missing.removeFirst()
        }
        cluster.timeline.plan(at: cluster.timeline.now + statement.work) { [unowned self] in
            guard open[number] === statement else { return }
            statement.commit()
            end(number)
        }
    }

    private func end(_ number: Int) {
        guard let statement = open.removeValue(forKey: number), !statement.keys.isEmpty else { return }
        for woken in locks.release(statement.keys, of: number) {
            guard let other = open[woken] else { continue }
            // The lock it waited for is its own by now.
            other.missing.removeFirst()
            go(on: woken, other)
        }
    }

    // MARK: Trouble

    func restart(downFor duration: VirtualTime) {
        cluster.trace("PostgreSQL restarts")
        downUntil = cluster.timeline.now + duration
        let lost = open.sorted { $0.key < $1.key }
        open = [:]
        locks = Locks()
        for (_, statement) in lost { statement.cancel(false) }
    }

    func heal() { downUntil = 0 }

    /// Ends the sessions of instances whose lease has run out and whose statements hold shards.
    func endFences() {
        let dead = open.filter { _, statement in
            guard let instance = statement.instance, !statement.keys.isEmpty else { return false }
            return tables.leases[instance].map { $0.expiresAt <= clock } ?? true
        }
        for (number, statement) in dead.sorted(by: { $0.key < $1.key }) {
            end(number)
            statement.cancel(false)
        }
    }
}

/// A variable that several closures share.
final class Box<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
}
