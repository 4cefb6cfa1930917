import Core
import Glibc
import HTTP2
import LoadRecord

/// An HTTP/2 server that does as little as a server can, on 127.0.0.1 and a thread of its own: what a generator can do is measured against it,
/// and with a script it misbehaves as a test wants.
package final class NullServer: Sendable {
    /// A time in which the server did nothing, on the monotonic clock.
    package struct Stall: Sendable {
        package let begin: MonotonicNanoseconds
        package let end: MonotonicNanoseconds
    }

    private struct State {
        var isStopped = false
        var isOver = false
        var stalls: [Stall] = []
        var requests = 0
        var connections = 0
        var processorNanoseconds: UInt64 = 0
    }

    package let port: Int
    private let state = Monitor(State())

    /// - Parameters:
    ///   - port: 0: any that is free.
    ///   - streamsMax: that a caller may have open on one connection.
    ///   - bodyBytes: of each answer.
    ///   - script: called on the server's thread for each whole request; nil: each is answered with 200.
    package init(
        port: Int = 0, streamsMax: Int = 1000, bodyBytes: Int = 0, script: (@Sendable (NullRequest) -> NullAnswer)? = nil
    ) throws(LoadSetUpError) {
        let (listener, port) = try listeningSocket(host: "127.0.0.1", port: port)
        self.port = port
        let poller = try Poller()
        let handover = Handover(listener: listener, poller: poller)
        guard
            DetachedThread.start({ [state] in
                Self.serve(handover, state, streamsMax: streamsMax, bodyBytes: bodyBytes, script: script)
            })
        else {
            close(listener)
            throw LoadSetUpError(.resources, "no thread for the null server")
        }
    }

    /// Ends it and waits for that. What is under way gets no answer.
    package func stop() {
        state.withLock { $0.isStopped = true }
        _ = state.wait(until: .never) { $0.isOver ? true : nil }
    }

    package var target: LoadTarget { LoadTarget(host: "127.0.0.1", port: port) }
    package var stalls: [Stall] { state.withLock(wake: .nobody) { $0.stalls } }
    /// Up to date after `stop`, before that about 10 ms old.
    package var requests: Int { state.withLock(wake: .nobody) { $0.requests } }
    /// That are open; as old as `requests`.
    package var connections: Int { state.withLock(wake: .nobody) { $0.connections } }
    /// Of its thread; as old as `requests`.
    package var processorNanoseconds: UInt64 { state.withLock(wake: .nobody) { $0.processorNanoseconds } }

    private struct Handover: @unchecked Sendable {
        let listener: Int32
        let poller: Poller
    }

    private static func serve(
        _ handover: Handover, _ state: Monitor<State>, streamsMax: Int, bodyBytes: Int,
        script: (@Sendable (NullRequest) -> NullAnswer)?
    ) {
        let rules = NullRules(streamsMax: streamsMax, bodyBytes: bodyBytes, script: script) { stall in
            state.withLock { $0.stalls.append(stall) }
        }
        let loop = NullLoop(handover.listener, handover.poller, rules)
        var nextLook: MonotonicNanoseconds = 0
        while true {
            loop.turn(nanoseconds: 10_000_000)
            let now = monotonicNow()
            guard now >= nextLook else { continue }
            nextLook = now + 10_000_000
            let (requests, connections) = (rules.requests, loop.connections)
            let used = threadCPU()
            let isStopped = state.withLock(wake: .nobody) { state in
                state.requests = requests
                state.connections = connections
                state.processorNanoseconds = used
                return state.isStopped
            }
            if isStopped { break }
        }
        loop.closeAll()
        state.withLock { $0.isOver = true }
    }
}
