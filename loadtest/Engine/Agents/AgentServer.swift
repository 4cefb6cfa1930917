import Core
import Glibc
import LoadPlan
import LoadRecord

/// What an agent does with an order: the run, and what its observer wants the controller to have afterwards.
package struct AgentWork: ~Copyable, Sendable {
    package let run: LoadRun
    /// Called once the run has ended; goes to the controller as it is.
    package var observations: @Sendable () -> [UInt8]

    package init(_ run: consuming LoadRun, observations: @escaping @Sendable () -> [UInt8] = { [] }) {
        self.run = run
        self.observations = observations
    }
}

/// `fature loadtest agent`: waits for controllers and runs their loads, one at a time.
///
/// Who may order a load can have it sent to any address, so beyond loopback an agent does not listen without a token. Nothing is executed for
/// anybody: events stay with the controller.
package final class AgentServer: Sendable {
    package typealias Maker = @Sendable (AgentOrder, Population) throws -> AgentWork
    package typealias Log = @Sendable (String) -> Void

    package let address: AgentAddress
    package var port: Int { address.port }
    private let listener: Int32
    private let token: AgentToken?
    private let make: Maker

    private struct State {
        var isStopped = false
        var isOver = false
        var sessions: [Int: FramedSocket] = [:]
        var sessionsBegun = 0
        /// Which session has the agent, and what it does with it.
        var holder: (session: Int, work: String)?
    }
    private let state = Monitor(State())

    /// Who greets and who is told that another has the agent; more are hung up on.
    private static let sessionsMax = 16
    private static let acceptMilliseconds: Int32 = 100

    /// - Parameters:
    ///   - host: the address to listen on.
    ///   - port: 0: any that is free.
    ///   - token: what a controller has to hold; nil: nothing, which is for loopback alone.
    ///   - make: makes the run of an order; nil: as the scenario says, without an observer.
    package init(
        host: String = "127.0.0.1", port: Int = 0, token: AgentToken? = nil, make: Maker? = nil
    ) throws(LoadSetUpError) {
        let isLoopback = try SocketAddress(host: host, port: port).isLoopback
        guard isLoopback || token != nil else {
            throw LoadSetUpError(
                .agent,
                "whoever reaches \(host) could have load sent to any address: give a token with --token-file, or listen on 127.0.0.1"
            )
        }
        let (listener, port) = try listeningSocket(host: host, port: port)
        self.listener = listener
        address = AgentAddress(host: host, port: port)
        self.token = token
        self.make = make ?? { order, population in try AgentServer.plainWork(order, population) }
    }

    deinit { close(listener) }

    package static func plainWork(_ order: AgentOrder, _ population: Population) throws -> AgentWork {
        AgentWork(
            LoadRun(
                order.scenario, try RequestMaker(order.scenario, population, runName: order.runName), target: order.target,
                environment: ThisMachine.environment(target: order.target), agent: order.agent, of: order.agents, name: order.name
            ))
    }

    /// Serves controllers until `stop`, on the calling thread.
    ///
    /// - Parameter log: told what happens, a line each, from several threads.
    package func serve(log: @escaping Log = { _ in }) {
        while !state.withLock(wake: .nobody, { $0.isStopped }) {
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, Self.acceptMilliseconds) > 0 else { continue }
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                // Out of descriptors, it would come back at once, beside the sending thread.
                usleep(UInt32(Self.acceptMilliseconds) * 1000)
                continue
            }
            serve(FramedSocket(descriptor), log)
        }
        _ = state.wait(until: .never) { $0.sessions.isEmpty ? true : nil }
        state.withLock { $0.isOver = true }
    }

    private func serve(_ socket: FramedSocket, _ log: @escaping Log) {
        let id: Int? = state.withLock { state in
            guard !state.isStopped, state.sessions.count < Self.sessionsMax else { return nil }
            state.sessionsBegun += 1
            state.sessions[state.sessionsBegun] = socket
            return state.sessionsBegun
        }
        guard let id else { return log("\(socket.peer): hung up on, too many are connected") }
        let isStarted = DetachedThread.start { [self] in
            let peer = socket.peer
            let session = AgentSession(socket, make, peer: peer, log) { [self] work in hold(id, work) }
            do {
                try AgentHandshake(socket: socket, token: token).asAgent { hold(id, "an order of \(peer)") }
                try session.serve()
            } catch { log("\(peer): \(error)") }
            end(id)
        }
        if !isStarted { end(id) }
    }

    /// Takes the agent for a session, or lets it go with nil. Returns why it cannot be taken.
    private func hold(_ id: Int, _ work: String?) -> String? {
        state.withLock { state in
            if let holder = state.holder, holder.session != id { return "it is busy with \(holder.work)" }
            state.holder = work.map { (id, $0) }
            return nil
        }
    }

    private func end(_ id: Int) {
        state.withLock { state in
            if state.holder?.session == id { state.holder = nil }
            state.sessions.removeValue(forKey: id)?.hangUp()
        }
    }

    /// Ends `serve`, and the run of a controller with it, who is told. Returns when it has ended.
    package func stop() {
        let (holder, others) = state.withLock { state in
            state.isStopped = true
            let holder = state.holder.flatMap { state.sessions[$0.session] }
            return (holder, Array(state.sessions.values))
        }
        try? holder?.send(.refused, AgentReason(text: "somebody has ended it there"))
        for socket in others { socket.hangUp() }
        _ = state.wait(until: .never) { $0.isOver ? true : nil }
    }
}
