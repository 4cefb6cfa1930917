import Core
import Foundation
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

/// `fature loadtest agent`: waits for controllers and sends their load, one at a time.
///
/// Whoever reaches the port can have load sent to any address, but nothing executed: events stay with the controller. It belongs into a private network.
package final class AgentServer: Sendable {
    package typealias Maker = @Sendable (AgentOrder, Population) throws -> AgentWork

    package let port: Int
    private let listener: Int32
    private let make: Maker
    private struct State {
        var isStopped = false
        var isOver = false
        var current: FramedSocket?
    }
    private let state = Monitor(State())

    /// - Parameters:
    ///   - host: the address to listen on.
    ///   - port: 0: any that is free.
    ///   - make: makes the run of an order; nil: as the scenario says, without an observer.
    package init(host: String = "127.0.0.1", port: Int = 0, make: Maker? = nil) throws(LoadSetUpError) {
        (listener, self.port) = try listeningSocket(host: host, port: port)
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

    /// Serves one controller after the other until `stop`, on the calling thread.
    package func serve(log: (String) -> Void = { _ in }) {
        while !state.withLock({ $0.isStopped }) {
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 100) > 0 else { continue }
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { continue }
            let socket = FramedSocket(descriptor)
            state.withLock { $0.current = socket }
            do { try AgentSession(socket, make).serve() } catch { log("the controller is gone: \(error)") }
            socket.hangUp()
            state.withLock { $0.current = nil }
        }
        state.withLock { $0.isOver = true }
    }

    /// Ends `serve`, and the run of a controller with it. Returns when it has ended.
    package func stop() {
        state.withLock { state in
            state.isStopped = true
            state.current?.hangUp()
        }
        _ = state.wait(until: .never) { $0.isOver ? true : nil }
    }
}

/// One controller's order, from its greeting to the result.
private struct AgentSession {
    let socket: FramedSocket
    let make: AgentServer.Maker

    init(_ socket: FramedSocket, _ make: @escaping AgentServer.Maker) {
        self.socket = socket
        self.make = make
    }

    func serve() throws {
        var order: AgentOrder?
        var members: [Population.Member] = []
        // Dropped without having begun, it closes its connections: the controller is gone.
        var prepared: PreparedRun?
        var observations: @Sendable () -> [UInt8] = { [] }
        while true {
            let (kind, bytes) = try socket.receive()
            switch kind {
            case .hello:
                let hello = try decode(AgentHello.self, bytes)
                try socket.send(.hello, AgentHello())
                guard hello.protocol == AgentHello.protocolVersion else {
                    throw FrameError(
                        description: "the controller speaks protocol \(hello.protocol), this agent \(AgentHello.protocolVersion)")
                }
            case .ping: try socket.send(.pong, AgentMoment(nanoseconds: monotonicNow()))
            case .load: order = try decode(AgentOrder.self, bytes)
            case .members:
                guard let order, let more = MemberBytes.decode(bytes), members.count + more.count <= order.memberCount,
                    order.memberCount <= AgentOrder.memberCountMax
                else { throw FrameError(description: "a network that does not fit its order") }
                members += more
            case .prepare:
                guard let given = order, members.count == given.memberCount, given.agents > 0,
                    (0..<given.agents).contains(given.agent)
                else { throw FrameError(description: "an order that is not whole") }
                do {
                    let work = try make(given, Population(members))
                    observations = work.observations
                    prepared = try work.run.prepare()
                } catch {
                    try socket.send(.refused, AgentReason(text: "\(error)"))
                    continue
                }
                try socket.send(.ready)
            case .begin:
                guard let run = prepared.take() else { throw FrameError(description: "told to begin before it was ready") }
                return try self.run(run, observations, begin: try decode(AgentMoment.self, bytes).nanoseconds)
            case .abort:
                prepared?.stop.abort(try decode(AgentReason.self, bytes).text)
            case .pong, .ready, .refused, .picture, .result, .observations, .end:
                throw FrameError(description: "\(kind) is an agent's to say")
            }
        }
    }

    private func run(
        _ run: consuming PreparedRun, _ observations: () -> [UInt8], begin: MonotonicNanoseconds
    ) throws {
        let stop = run.stop
        let listens = DetachedThread.start { [socket] in
            // Orders to abort; and when the controller is gone, nobody wants the load.
            while true {
                do {
                    let (kind, bytes) = try socket.receive()
                    if kind == .abort { stop.abort(try decode(AgentReason.self, bytes).text) }
                } catch let error as FrameError where error.isSilence {
                    continue
                } catch {
                    stop.abort("the controller is gone")
                    return stop.abort("the controller is gone")
                }
            }
        }
        guard listens else { throw FrameError(description: "no thread to listen to the controller") }
        let record = run.run(begin: begin) { try? socket.send(.picture, $0) }
        try socket.send(.result, record)
        let observations = observations()
        for start in stride(from: 0, to: observations.count, by: AgentSession.observationBytes) {
            try socket.send(
                .observations, bytes: Array(observations[start..<min(start + AgentSession.observationBytes, observations.count)]))
        }
        try socket.send(.end)
    }

    private static let observationBytes = 8 << 20
}

func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
        throw FrameError(description: "a \(type) that cannot be read: \(error)")
    }
}
