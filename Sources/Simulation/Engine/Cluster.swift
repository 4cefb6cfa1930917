import Core
import Ownership

/// A whole cluster in one thread: its processes, its PostgreSQL and Redis, its network, and what goes wrong.
final class Cluster {
    let scenario: Scenario
    var timeline = Timeline()
    var random: Randomness
    private(set) var database: PostgresModel!
    private(set) var redis: RedisModel!
    private(set) var checks: Checks!
    private(set) var workers: [WorkerProcess] = []
    private(set) var gateways: [GatewayProcess] = []
    private(set) var coordinators: [CoordinatorProcess] = []
    private(set) var callers: [CallerProcess] = []
    private(set) var failure: String?
    private(set) var asksMore = true
    /// Whether things go wrong now.
    private var isTroubled = false
    private let isTraced: Bool
    private var lines: [String] = []
    private var lastKey = 0

    /// How many lines of a trace are kept.
    static let linesMax = 400

    init(_ scenario: Scenario, isTraced: Bool) {
        self.scenario = scenario
        self.isTraced = isTraced
        random = Randomness(seed: scenario.seed)
        let drifts = scenario.faults.contains(.drift)
        // The server's clock as fast and the workers' as slow as they may be, where that is what shows.
        let isExtreme = scenario.brokenRule == .trustsTooLong
        func rate(_ span: Int) -> UInt64 { drifts ? UInt64(1000 - span + random.below(span * 2 + 1)) : 1000 }
        // Together at most 8%: the margin of the trust window allows for 10.
        database = PostgresModel(self, clockRate: isExtreme ? 1035 : rate(35))
        redis = RedisModel(self)
        checks = Checks(self)
        workers = (0..<scenario.workers).map { WorkerProcess(self, number: $0, clockRate: isExtreme ? 955 : rate(45)) }
        gateways = (0..<scenario.gateways).map { GatewayProcess(self, "gateway \($0)", clockRate: rate(45)) }
        coordinators = (0..<scenario.coordinators).map { CoordinatorProcess(self, number: $0, clockRate: rate(45)) }
        callers = (0..<scenario.callers).map { CallerProcess(self, "caller \($0)", clockRate: 1000) }
    }

    func breaks(_ rule: BrokenRule) -> Bool { scenario.brokenRule == rule }

    /// Whether a fault of this kind happens here, where it would so many times of 1,000.
    func strikes(_ kind: FaultKind, perMille: Int) -> Bool {
        isTroubled && scenario.faults.contains(kind) && random.chance(scenario.brokenRule == nil ? perMille : perMille * 6)
    }

    func nextKey() -> Int {
        lastKey += 1
        return lastKey
    }

    func worker(_ instance: WorkerInstanceID) -> WorkerProcess? { workers.first { $0.isUp && $0.leaseInstance == instance } }

    // MARK: What is seen

    func trace(_ line: @autoclosure () -> String) {
        guard isTraced else { return }
        let microseconds = timeline.now / 1000
        let fraction = String(microseconds % 1000)
        lines.append("\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) ms  \(line())")
        if lines.count > Self.linesMax * 2 { lines.removeFirst(Self.linesMax) }
    }

    func fail(_ reason: String) {
        guard failure == nil else { return }
        failure = reason
        trace("FAILED: \(reason)")
    }

    var lastLines: [String] { lines.suffix(Self.linesMax) }

    // MARK: The network

    /// A caller asks a gateway. Its connection does not lose or double anything; the gateway may die.
    func ask(_ gateway: GatewayProcess, _ request: Request, _ answer: @escaping Answering) {
        let boot = gateway.boot
        timeline.plan(at: timeline.now + microseconds(100)) {
            gateway.deliver(boot) { gateway.receive(request, answer) }
        }
    }

    /// A gateway asks a worker.
    func carry(
        _ request: Request, to instance: WorkerInstanceID, refused: @escaping () -> Void, _ answer: @escaping Answering
    ) {
        let stray = strikes(.strayFrames, perMille: 100) ? workers[random.below(workers.count)].leaseInstance : nil
        let instance = stray ?? instance
        guard let worker = worker(instance) else {
            timeline.plan(at: timeline.now + microseconds(200), refused)
            return
        }
        let boot = worker.boot
        let copies = strikes(.doubledFrames, perMille: 40) ? 2 : 1
        for _ in 0..<copies {
            guard let delay = frameDelay() else { continue }
            timeline.plan(at: timeline.now + delay) { [unowned self] in
                // Its process was replaced by another boot meanwhile: the connection is broken.
                guard worker.boot == boot, worker.isUp else { return refused() }
                worker.deliver(boot) { [unowned self] in
                    guard worker.leaseInstance == instance else { return reply(.notOwner, answer) }
                    worker.receive(request) { [unowned self] in reply($0, answer) }
                }
            }
        }
    }

    private func reply(_ reply: Reply, _ answer: @escaping Answering) {
        guard let delay = frameDelay() else { return }
        timeline.plan(at: timeline.now + delay) { answer(reply) }
    }

    /// nil: lost.
    private func frameDelay() -> VirtualTime? {
        if strikes(.lostFrames, perMille: 20) { return nil }
        if strikes(.lateFrames, perMille: 50) { return random.between(milliseconds(1), milliseconds(800)) }
        return random.between(microseconds(40), microseconds(200))
    }

    // MARK: A run

    /// Runs to the end, or to the first thing that must not be.
    func run() {
        for coordinator in coordinators { coordinator.start() }
        for worker in workers { worker.start() }
        for gateway in gateways { gateway.start() }
        for caller in callers { caller.start() }
        guard advance(to: milliseconds(10_000), until: { [unowned self] in checks.unsettled() == nil }) else {
            return fail("the cluster did not start: \(checks.unsettled() ?? "")")
        }
        // Gateways look every 100 ms.
        _ = advance(to: timeline.now + milliseconds(250), until: { false })
        let begun = timeline.now
        let end = begun + milliseconds(scenario.troubleMilliseconds)
        isTroubled = true
        for caller in callers { caller.begin() }
        planRebalances(until: end)
        planTrouble(until: end)
        _ = advance(to: end, until: { false })
        heal()
        _ = advance(to: timeline.now + milliseconds(500), until: { false })
        asksMore = false
        let deadline = timeline.now + milliseconds(Scenario.settleMilliseconds)
        guard advance(to: deadline, until: { [unowned self] in checks.unsettled() == nil }) else {
            return fail("it did not settle: \(checks.unsettled() ?? "")")
        }
        if failure == nil { checks.settled() }
    }

    /// Lets things happen; false: `isOver` was not so before `end`. Looks for that every 20 ms.
    private func advance(to end: VirtualTime, until isOver: () -> Bool) -> Bool {
        var slice = timeline.now
        while failure == nil {
            slice = min(slice + milliseconds(20), end)
            while failure == nil, let event = timeline.next(before: slice) { event() }
            if failure != nil { return true }
            timeline.pass(to: slice)
            if isOver() { return true }
            if slice >= end { return false }
        }
        return true
    }

    private func heal() {
        trace("all is well from here on")
        isTroubled = false
        database.heal()
        // What somebody has paused, nobody else goes on with.
        database.tables.steer { $0.resume() }
        for process in processes { process.heal() }
    }

    var processes: [Process] { workers as [Process] + gateways + coordinators }
}
