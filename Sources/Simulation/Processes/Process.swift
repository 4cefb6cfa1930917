import Core

/// Something that runs, sleeps and dies, with a clock of its own.
class Process {
    unowned let cluster: Cluster
    let name: String
    /// Rises with each start. What was meant for an older one is lost.
    private(set) var boot = 0
    private(set) var isUp = false
    private var pausedUntil: VirtualTime = 0
    /// What has come to its sockets, and which of its timers have run out, while it slept.
    private var backlog: [() -> Void] = []
    var cutOffUntil: VirtualTime = 0
    private let clockOffset: UInt64
    /// Of its clock, in thousandths of real time.
    private let clockRate: UInt64

    init(_ cluster: Cluster, _ name: String, clockRate: UInt64) {
        self.cluster = cluster
        self.name = name
        self.clockRate = clockRate
        clockOffset = cluster.random.between(1_000_000_000, 1_000_000_000_000)
    }

    /// Whether it and PostgreSQL reach each other.
    var isCutOff: Bool { cluster.timeline.now < cutOffUntil }
    var isPaused: Bool { cluster.timeline.now < pausedUntil }
    /// Of a worker: the lease by which PostgreSQL knows it.
    var leaseInstance: WorkerInstanceID? { nil }

    var localNow: MonotonicNanoseconds { clockOffset + cluster.timeline.now * clockRate / 1000 }

    /// Does something now, unless this process has died since; after its sleep if it sleeps.
    func deliver(_ boot: Int, _ action: @escaping () -> Void) {
        guard isUp, boot == self.boot else { return }
        if isPaused { backlog.append(action) } else { action() }
    }

    /// After so long by its own clock.
    func after(_ delay: VirtualTime, _ action: @escaping () -> Void) {
        let boot = boot
        cluster.timeline.plan(at: cluster.timeline.now + delay * 1000 / clockRate) { [unowned self] in deliver(boot, action) }
    }

    func every(_ interval: VirtualTime, _ action: @escaping () -> Void) {
        after(interval) { [unowned self] in
            action()
            every(interval, action)
        }
    }

    // MARK: Trouble

    func start() {
        guard !isUp else { return }
        boot += 1
        isUp = true
        pausedUntil = 0
        cluster.trace("\(name) starts")
        started()
    }

    /// Begins its timers; overridden.
    func started() {}

    func crash(restartAfter pause: VirtualTime) {
        guard isUp else { return }
        cluster.trace("\(name) dies")
        isUp = false
        backlog = []
        crashed()
        cluster.timeline.plan(at: cluster.timeline.now + pause) { [unowned self] in start() }
    }

    /// Forgets everything; overridden.
    func crashed() {}

    func pause(for duration: VirtualTime) {
        guard isUp, !isPaused else { return }
        cluster.trace("\(name) sleeps for \(duration / 1_000_000) ms")
        pausedUntil = cluster.timeline.now + duration
        let boot = boot
        cluster.timeline.plan(at: pausedUntil) { [unowned self] in
            guard isUp, boot == self.boot else { return }
            wake()
        }
    }

    private func wake() {
        cluster.trace("\(name) wakes")
        let waiting = backlog
        backlog = []
        let boot = boot
        // One of them may put it to sleep again: the rest waits.
        for action in waiting { deliver(boot, action) }
    }

    /// All is well with it from now on.
    func heal() {
        cutOffUntil = 0
        if !isUp { start() }
        if isPaused {
            pausedUntil = cluster.timeline.now
            wake()
        }
    }
}
