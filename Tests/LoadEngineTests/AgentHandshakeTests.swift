import Core
import Glibc
import LoadPlan
import LoadRecord
import TestServers
import Testing

@testable import LoadEngine

/// A controller's connection to an agent, for what no controller of ours would say.
private func connection(to agent: AgentServer) throws -> FramedSocket {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let place = try SocketAddress(host: "127.0.0.1", port: agent.port)
    let status = place.with { connect(descriptor, $0, $1) }
    #expect(status == 0)
    return FramedSocket(descriptor)
}

/// What agents have said of themselves.
private final class Lines: Sendable {
    private let lines = Monitor([String]())
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    /// Whether a line with this in it came, or comes soon.
    func hold(_ part: String) -> Bool {
        lines.wait(until: .after(milliseconds: 20_000)) { $0.contains { $0.contains(part) } ? true : nil } == true
    }
}

@Suite("Controller and agent", .serialized)
struct AgentHandshakeTests {
    private let lines = Lines()

    private func agent(token: String? = nil, host: String = "127.0.0.1") throws -> AgentServer {
        let agent = try AgentServer(host: host, token: try token.map { try AgentToken(Array($0.utf8)) })
        let lines = lines
        #expect(DetachedThread.start { agent.serve { lines.add($0) } })
        return agent
    }

    private func scenario(seconds: Double = 0.2) -> Scenario {
        var scenario = Scenario(
            name: "test", phases: [Phase(name: "only", seconds: seconds, shape: .constant(rate: 500))],
            operations: [WeightedOperation(name: "get", operation: .path("/index.html"), weight: 1)])
        scenario.connections = 2
        // A test's machine may be busy.
        scenario.limits = GeneratorLimits(slipP99Microseconds: 60_000_000, cpuShare: 1)
        return scenario
    }

    private func order(_ agents: [AgentServer], _ target: LoadTarget, token: String? = nil, seconds: Double = 0.2) throws
        -> AgentRun
    {
        try AgentRun(
            scenario(seconds: seconds), Population([]), runName: "run", target: target, agents: agents.map(\.address),
            token: try token.map { try AgentToken(Array($0.utf8)) }, environment: ThisMachine.environment(target: target))
    }

    /// Why an order was refused.
    private func refusal(_ agent: AgentServer, _ target: LoadTarget, token: String? = nil) throws -> String {
        do {
            _ = try order([agent], target, token: token)
            return "not refused"
        } catch let error as LoadSetUpError {
            #expect(error.code == .agent)
            return error.description
        }
    }

    private static let secret = "correct horse battery staple"

    @Test("an agent with a token serves whoever holds it, and nobody else")
    func token() throws {
        let server = try NullServer()
        defer { server.stop() }
        let agent = try agent(token: Self.secret)
        defer { agent.stop() }
        #expect(try refusal(agent, server.target).hasSuffix("it wants a token; give --token-file"))
        #expect(try refusal(agent, server.target, token: "another secret of the same kind").hasSuffix("its token is another one"))
        #expect(lines.hold("refused: its token is another one"))
        let result = try order([agent], server.target, token: Self.secret).run()
        #expect(result.record.outcomes[.ok] == 100 && result.record.invalid.isEmpty)
    }

    @Test("a controller with a token gives no order to an agent without one")
    func agentWithoutToken() throws {
        let server = try NullServer()
        defer { server.stop() }
        let agent = try agent()
        defer { agent.stop() }
        #expect(try refusal(agent, server.target, token: Self.secret).contains("it has no token"))
    }

    @Test("a controller believes no agent that does not hold its token")
    func impostor() throws {
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (ours, theirs) = (FramedSocket(ends[0]), FramedSocket(ends[1]))
        #expect(
            DetachedThread.start {
                guard let hello = try? theirs.receive(), hello.kind == .hello else { return }
                try? theirs.send(.hello, AgentHello(nonce: "x", hasToken: true))
                _ = try? theirs.receive()
                try? theirs.send(.welcome, AgentProof(proof: String(repeating: "0", count: 64)))
            })
        let token = try AgentToken(Array(Self.secret.utf8))
        #expect { try AgentHandshake(socket: ours, token: token).asController() } throws: {
            "\($0)".contains("it does not hold our token")
        }
    }

    @Test("beyond loopback no agent listens without a token", arguments: ["0.0.0.0", "::"])
    func listensBeyondLoopback(host: String) throws {
        #expect { try AgentServer(host: host) } throws: { "\($0)".contains("give a token with --token-file") }
    }

    @Test("who speaks another protocol is told which one the agent speaks, and gets no further")
    func foreignProtocol() throws {
        let agent = try agent()
        defer { agent.stop() }
        let socket = try connection(to: agent)
        try socket.send(.hello, AgentProtocol(protocol: 1, version: buildVersion))
        let (kind, bytes) = try socket.receive()
        #expect(kind == .hello)
        #expect(try decode(AgentProtocol.self, bytes) == AgentProtocol())
        #expect(throws: FrameError.self) { try socket.receive() }
        #expect(lines.hold("the controller speaks protocol 1 of version \(buildVersion), this agent protocol 2"))
    }

    @Test("a stranger's long message is refused unread, and so is an order before the handshake")
    func strangers() throws {
        let agent = try agent()
        defer { agent.stop() }
        let long = try connection(to: agent)
        try long.send(.hello, bytes: [UInt8](repeating: 32, count: AgentHandshake.messageBytesMax + 1))
        #expect(lines.hold("a message of \(AgentHandshake.messageBytesMax + 2) bytes"))
        let hasty = try connection(to: agent)
        try hasty.send(.prepare)
        #expect(lines.hold("it said prepare instead of hello"))
        #expect(throws: FrameError.self) { try hasty.receive() }
    }

    @Test("who connects and says nothing keeps no controller waiting")
    func silentStranger() throws {
        let server = try NullServer()
        defer { server.stop() }
        let agent = try agent()
        defer { agent.stop() }
        let silent = try connection(to: agent)
        defer { silent.hangUp() }
        #expect(try order([agent], server.target).run().record.outcomes[.ok] == 100)
    }

    @Test("an agent that runs says so to a second controller, and takes an order when it is free again")
    func busy() throws {
        let server = try NullServer()
        defer { server.stop() }
        let agent = try agent()
        defer { agent.stop() }
        do {
            let first = try order([agent], server.target)
            #expect(try refusal(agent, server.target).contains("it is busy with run run of 127.0.0.1:"))
            #expect(try first.run().record.outcomes[.ok] == 100)
        }
        // Once more, and at once: as the attempts of a search do.
        for _ in 0..<3 { #expect(try order([agent], server.target).run().record.outcomes[.ok] == 100) }
    }

    @Test("an agent trusts the authority that the controller trusts, whose file it does not have")
    func certificates() throws {
        let server = try TLSServer(names: "DNS:localhost")
        defer { server.stop() }
        let agent = try agent()
        defer { agent.stop() }
        let target = LoadTarget(host: "localhost", port: server.port, isTLS: true, caFile: server.authority)
        #expect(try order([agent], target).run().record.outcomes[.ok] == 100)
        let other = try TLSServer(names: "DNS:localhost")
        defer { other.stop() }
        let untrusted = LoadTarget(host: "localhost", port: server.port, isTLS: true, caFile: other.authority)
        #expect(try refusal(agent, untrusted).contains("not signed by the controller's CA"))
        let noFile = LoadTarget(host: "localhost", port: server.port, isTLS: true, caFile: "/no/such.pem")
        #expect(throws: LoadSetUpError.self) { try order([agent], noFile) }
    }

    @Test("a controller that is gone takes its load with it")
    func goneController() throws {
        let server = try NullServer()
        defer { server.stop() }
        let agent = try agent()
        defer { agent.stop() }
        let link = try AgentLink(agent.address, token: nil)
        let mine = AgentOrder(
            scenario: scenario(seconds: 600), target: server.target, runName: "run", agent: 0, agents: 1, name: "one",
            memberCount: 0,
            isChecked: false)
        try link.prepare(mine, Population([]))
        try link.measureClock()
        try link.begin(at: monotonicNow())
        link.hangUp()
        #expect(lines.hold("before its time: the controller is gone"))
    }

    @Test("an order whose numbers make no sense is refused")
    func senselessOrder() throws {
        let server = try NullServer()
        defer { server.stop() }
        let agent = try agent()
        defer { agent.stop() }
        let sound = AgentOrder(
            scenario: scenario(), target: server.target, runName: "run", agent: 0, agents: 1, name: "one", memberCount: 0,
            isChecked: false)
        try sound.check()
        let spoilt: [(inout AgentOrder) -> Void] = [
            { $0.agent = 1 }, { $0.agents = 0 }, { $0.agents = AgentOrder.agentsMax + 1 }, { $0.memberCount = -1 },
            { $0.target.caFile = "/etc/ca.pem" }, { $0.scenario.connections = 0 }, { $0.scenario.phases[0].seconds = .infinity },
            { $0.scenario.events = [PlannedEvent(atSeconds: 0, label: "x", command: ["true"])] },
        ]
        for (index, spoil) in spoilt.enumerated() {
            var order = sound
            spoil(&order)
            #expect(throws: FrameError.self, "\(index)") { try order.check() }
        }
        var other = sound
        other.agents = 0
        let link = try AgentLink(agent.address, token: nil)
        #expect(throws: LoadSetUpError.self) { try link.prepare(other, Population([])) }
        #expect(lines.hold("agent 0 of 0 does not exist"))
    }

    @Test("fewer connections, requests in flight or agents than a share needs are told before any load")
    func tooManyAgents() throws {
        let server = try NullServer()
        defer { server.stop() }
        let fleet = try [agent(), agent(), agent()]
        defer { for agent in fleet { agent.stop() } }
        #expect { try order(fleet, server.target) } throws: { "\($0)".contains("connections is 2, which 3 agents cannot share") }
        #expect { try order([fleet[0], fleet[0]], server.target) } throws: { "\($0)".contains("is named twice") }
        #expect(throws: LoadSetUpError.self) { try order([], server.target) }
    }
}
