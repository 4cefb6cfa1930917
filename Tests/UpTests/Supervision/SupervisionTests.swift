import Testing

@testable import fature

private let term: Int32 = 15
private let int: Int32 = 2
private let kill: Int32 = 9
private let quit: Int32 = 3

private func processes() -> [ManagedProcess] {
    func process(_ name: String, _ phase: Int, stop: Int32 = term, force: Int32 = kill) -> ManagedProcess {
        ManagedProcess(name: name, stopPhase: phase, stopSignal: stop, forceSignal: force, stopMillisecondsMax: 1000)
    }
    return [
        process("gateway", 0), process("worker-1", 1), process("worker-2", 1), process("postgresql", 2, stop: int, force: quit),
    ]
}

/// Everything running, launched at 0.
private func running(ready: Bool = true) -> Supervision {
    var supervision = Supervision(processes())
    for (index, process) in processes().enumerated() {
        _ = supervision.handle(.launched(process.name, pid: Int32(100 + index)), now: 0)
    }
    if ready { _ = supervision.handle(.clusterReady, now: 0) }
    return supervision
}

@Test("a process that dies is started again after its delay, and not before")
func restart() {
    var supervision = running()
    let actions = supervision.handle(.ended("worker-1", .killed(signal: 9)), now: 1000)
    #expect(actions == [.report("worker-1 ended by itself (killed by signal 9 (Killed)); it is started again in 200 ms")])
    #expect(supervision.nextDeadline == 1200)
    #expect(supervision.handle(.timePassed, now: 1199) == [])
    #expect(supervision.handle(.timePassed, now: 1200) == [.launch("worker-1")])
    #expect(supervision.handle(.timePassed, now: 1201) == [])
}

@Test("the delay doubles with each death in a row up to ten seconds, and a stable run forgets them")
func backoff() {
    var supervision = running()
    var now = 0
    var delays: [Int] = []
    for round in 0..<9 {
        _ = supervision.handle(.ended("worker-1", .exited(1)), now: now)
        let deadline = supervision.nextDeadline ?? -1
        delays.append(deadline - now)
        now = deadline
        #expect(supervision.handle(.timePassed, now: now) == [.launch("worker-1")])
        _ = supervision.handle(.launched("worker-1", pid: Int32(200 + round)), now: now)
    }
    #expect(delays == [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000])
    now += RestartDelay.stableMilliseconds
    _ = supervision.handle(.ended("worker-1", .exited(1)), now: now)
    #expect(supervision.nextDeadline == now + 200)
}

@Test("before the cluster was ready, a third death in a row ends the start and stops the rest in order")
func startFails() {
    var supervision = running(ready: false)
    for death in 1...2 {
        _ = supervision.handle(.ended("gateway", .exited(1)), now: death)
        _ = supervision.handle(.timePassed, now: 5000)
        _ = supervision.handle(.launched("gateway", pid: 300), now: 5000)
    }
    let actions = supervision.handle(.ended("gateway", .exited(1)), now: 5001)
    #expect(
        actions == [
            .startFailed("gateway", "ended by itself (exit status 1)"),
            .signal(term, pid: 101, name: "worker-1"), .signal(term, pid: 102, name: "worker-2"),
        ])
}

@Test("before the cluster was ready, a wrong configuration ends the start at once")
func hopelessStart() {
    var supervision = running(ready: false)
    let actions = supervision.handle(.ended("gateway", .exited(78)), now: 1)
    #expect(actions.first == .startFailed("gateway", "ended by itself (exit status 78)"))
    #expect(supervision.isStopping)
}

@Test("a process that cannot be started counts as one that died")
func launchFailure() {
    var supervision = running()
    _ = supervision.handle(.ended("gateway", .exited(0)), now: 0)
    _ = supervision.handle(.timePassed, now: 200)
    let actions = supervision.handle(.launchFailed("gateway", reason: "no memory"), now: 200)
    #expect(actions == [.report("gateway cannot be started (no memory); it is started again in 400 ms")])
}

@Test("a stop goes phase by phase, each once the one before has ended")
func orderedStop() {
    var supervision = running()
    #expect(supervision.handle(.stopRequested, now: 0) == [.signal(term, pid: 100, name: "gateway")])
    #expect(
        supervision.handle(.ended("gateway", .exited(0)), now: 1) == [
            .signal(term, pid: 101, name: "worker-1"), .signal(term, pid: 102, name: "worker-2"),
        ])
    #expect(supervision.handle(.ended("worker-2", .exited(0)), now: 2) == [])
    #expect(supervision.handle(.ended("worker-1", .exited(0)), now: 3) == [.signal(int, pid: 103, name: "postgresql")])
    #expect(supervision.handle(.ended("postgresql", .exited(0)), now: 4) == [.finished])
}

@Test("a process that does not stop in time is forced, again and again")
func forcedStop() {
    var supervision = running()
    _ = supervision.handle(.stopRequested, now: 0)
    #expect(supervision.handle(.timePassed, now: 999) == [])
    let forced: [Supervision.Action] = [
        .report("gateway does not stop; it is forced"), .signal(kill, pid: 100, name: "gateway"),
    ]
    #expect(supervision.handle(.timePassed, now: 1000) == forced)
    #expect(supervision.nextDeadline == 2000)
    #expect(supervision.handle(.timePassed, now: 2000) == forced)
}

@Test("a second request to stop forces everything at once, a third does nothing more")
func hurry() {
    var supervision = running()
    _ = supervision.handle(.stopRequested, now: 0)
    #expect(
        supervision.handle(.stopRequested, now: 1) == [
            .signal(kill, pid: 100, name: "gateway"), .signal(kill, pid: 101, name: "worker-1"),
            .signal(kill, pid: 102, name: "worker-2"), .signal(quit, pid: 103, name: "postgresql"),
        ])
    #expect(supervision.handle(.stopRequested, now: 2) == [])
    var last: [Supervision.Action] = []
    for process in processes() { last = supervision.handle(.ended(process.name, .killed(signal: 9)), now: 3) }
    #expect(last == [.finished])
}

@Test("a process that waits for its restart is not started after a stop")
func stopWhileWaiting() {
    var supervision = running()
    _ = supervision.handle(.ended("worker-1", .exited(1)), now: 0)
    _ = supervision.handle(.stopRequested, now: 1)
    #expect(supervision.handle(.timePassed, now: 10_000).contains(.launch("worker-1")) == false)
}

@Test("a process that dies by itself during a stop is not started again, and the stop goes on")
func deathWhileStopping() {
    var supervision = running()
    _ = supervision.handle(.stopRequested, now: 0)
    #expect(supervision.handle(.ended("worker-1", .exited(1)), now: 1) == [])
    #expect(supervision.handle(.ended("gateway", .exited(0)), now: 2) == [.signal(term, pid: 102, name: "worker-2")])
}

@Test("a process launched while a stop came is stopped too")
func launchedDuringStop() {
    var supervision = Supervision(processes())
    _ = supervision.handle(.launched("postgresql", pid: 103), now: 0)
    #expect(supervision.handle(.stopRequested, now: 1) == [.signal(int, pid: 103, name: "postgresql")])
    #expect(supervision.handle(.launched("gateway", pid: 100), now: 2) == [.signal(term, pid: 100, name: "gateway")])
    #expect(supervision.handle(.ended("postgresql", .exited(0)), now: 3) == [])
    #expect(supervision.handle(.ended("gateway", .exited(0)), now: 4) == [.finished])
}

@Test("a stop with nothing running is over at once")
func emptyStop() {
    var supervision = Supervision(processes())
    #expect(supervision.handle(.stopRequested, now: 0) == [.finished])
}

@Test("under any order of events one process is never launched twice, and a stop always finishes", arguments: 0..<300)
func randomEvents(seed: Int) {
    var generator = SplitMix(state: UInt64(seed))
    var supervision = Supervision(processes())
    var alive: [String: Int32] = [:]
    var pid: Int32 = 1
    var now = 0
    var isFinished = false
    func carryOut(_ actions: [Supervision.Action]) {
        for action in actions {
            switch action {
            case .launch(let name):
                #expect(alive[name] == nil)
                #expect(!supervision.isStopping)
                pid += 1
                if Bool.random(using: &generator) {
                    alive[name] = pid
                    carryOut(supervision.handle(.launched(name, pid: pid), now: now))
                } else {
                    carryOut(supervision.handle(.launchFailed(name, reason: "x"), now: now))
                }
            case .signal(_, let target, let name): #expect(alive[name] == target)
            case .finished:
                #expect(alive.isEmpty && !isFinished)
                isFinished = true
            case .report, .startFailed: continue
            }
        }
    }
    for process in processes() {
        pid += 1
        alive[process.name] = pid
        carryOut(supervision.handle(.launched(process.name, pid: pid), now: now))
    }
    if Bool.random(using: &generator) { carryOut(supervision.handle(.clusterReady, now: now)) }
    for step in 0..<200 where !isFinished {
        now += Int.random(in: 0..<3000, using: &generator)
        if step > 100 || Int.random(in: 0..<40, using: &generator) == 0 { carryOut(supervision.handle(.stopRequested, now: now)) }
        if let name = alive.keys.sorted().randomElement(using: &generator), Bool.random(using: &generator) {
            alive[name] = nil
            carryOut(supervision.handle(.ended(name, .exited(Int32.random(in: 0..<80, using: &generator))), now: now))
        }
        carryOut(supervision.handle(.timePassed, now: now))
    }
    for name in alive.keys.sorted() {
        alive[name] = nil
        carryOut(supervision.handle(.ended(name, .exited(0)), now: now))
    }
    #expect(isFinished)
}

/// A small generator with a seed, so that a failing order of events can be run again.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
