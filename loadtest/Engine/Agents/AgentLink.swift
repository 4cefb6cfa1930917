import Core
import Glibc
import LoadPlan
import LoadRecord

/// The controller's side of one agent.
final class AgentLink: Sendable {
    let name: String
    private let socket: FramedSocket
    /// What the agent's monotonic clock shows beyond ours; and by how much that may be wrong.
    private let clock = Monitor((offset: Int64(0), errorNanoseconds: UInt64.max))

    private static let pings = 21
    /// Agents that begin further apart send another load than the planned one.
    private static let clockErrorNanosecondsMax: UInt64 = 50_000_000
    private static let connectMilliseconds: Int32 = 5000
    /// Of what an agent's observer has seen: some hundred million transactions.
    private static let observationBytesMax = 1 << 30

    /// Connects, and agrees with the agent on protocol and token.
    init(_ address: AgentAddress, token: AgentToken?) throws(LoadSetUpError) {
        name = address.description
        let place = try SocketAddress(host: address.host, port: address.port)
        let descriptor = place.makeSocket()
        func absent(_ why: String) -> LoadSetUpError {
            LoadSetUpError(.agent, "no agent at \(address): \(why); start `fature loadtest agent` there")
        }
        guard descriptor >= 0 else { throw absent(errorText(errno)) }
        var code = place.with({ connect(descriptor, $0, $1) }) == 0 ? 0 : errno
        if code == EINPROGRESS {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            code = ETIMEDOUT
            if poll(&waiting, 1, Self.connectMilliseconds) > 0 {
                var size = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
            }
        }
        guard code == 0 else {
            close(descriptor)
            throw absent(errorText(code))
        }
        socket = FramedSocket(descriptor)
        do { try AgentHandshake(socket: socket, token: token).asController() } catch {
            throw LoadSetUpError(.agent, "agent \(address): \(error)")
        }
    }

    private func expect<Value: Decodable>(_ kind: AgentMessage, _ type: Value.Type) throws -> Value {
        let (got, bytes) = try socket.receive()
        if got == .refused { throw FrameError(description: try decode(AgentReason.self, bytes).text) }
        guard got == kind else { throw FrameError(description: "it said \(got) instead of \(kind)") }
        return try decode(type, bytes)
    }

    /// Gives the agent its order and waits until it is ready to begin.
    func prepare(_ order: AgentOrder, _ population: Population) throws(LoadSetUpError) {
        do {
            try socket.send(.load, order)
            let members = population.members
            for start in stride(from: 0, to: members.count, by: MemberBytes.membersPerMessage) {
                let slice = members[start..<min(start + MemberBytes.membersPerMessage, members.count)]
                try socket.send(.members, bytes: MemberBytes.encode(slice))
            }
            try socket.send(.prepare)
            let (kind, bytes) = try socket.receive(silencesMax: AgentSession.silencesMax)
            if kind == .refused { throw FrameError(description: try decode(AgentReason.self, bytes).text) }
            guard kind == .ready else { throw FrameError(description: "it said \(kind) instead of ready") }
        } catch { throw LoadSetUpError(.agent, "agent \(name): \(error)") }
    }

    /// The agent's clock in the middle of a round trip is what it said; the shortest trip leaves the least doubt.
    func measureClock() throws(LoadSetUpError) {
        var best: (offset: Int64, errorNanoseconds: UInt64) = (0, .max)
        do {
            for _ in 0..<Self.pings {
                let sent = monotonicNow()
                try socket.send(.ping)
                let there = try expect(.pong, AgentMoment.self).nanoseconds
                let trip = monotonicNow() - sent
                guard trip / 2 < best.errorNanoseconds else { continue }
                best = (Int64(bitPattern: there &- (sent + trip / 2)), trip / 2)
            }
        } catch { throw LoadSetUpError(.agent, "agent \(name): \(error)") }
        guard best.errorNanoseconds <= Self.clockErrorNanosecondsMax else {
            throw LoadSetUpError(
                .agent,
                "agent \(name): it takes \(best.errorNanoseconds / 500_000) ms to answer, too long to begin at one moment; the limit is \(Self.clockErrorNanosecondsMax / 500_000) ms"
            )
        }
        let found = best
        clock.withLock { $0 = found }
    }

    /// By how much the agent's begin may differ from what it was told.
    var clockErrorNanoseconds: UInt64 { clock.withLock(wake: .nobody) { $0.errorNanoseconds } }

    /// - Parameter moment: on our clock.
    func begin(at moment: MonotonicNanoseconds) throws {
        let offset = clock.withLock(wake: .nobody) { $0.offset }
        try socket.send(.begin, AgentMoment(nanoseconds: moment &+ UInt64(bitPattern: offset)))
    }

    /// Follows the run to its end.
    func follow(picture: (RunRecord) -> Void) throws -> (record: RunRecord, observations: [UInt8]) {
        var result: RunRecord?
        var observations: [UInt8] = []
        while true {
            let (kind, bytes) = try socket.receive()
            switch kind {
            case .picture:
                picture(try sound(decode(AgentPicture.self, bytes).whole()))
                try socket.send(.ping)
            case .result: result = try sound(decode(RunRecord.self, bytes))
            case .observations:
                guard observations.count + bytes.count <= Self.observationBytesMax else {
                    throw FrameError(description: "it has seen more than \(Self.observationBytesMax >> 20) MiB")
                }
                observations += bytes
            case .end:
                guard let result else { throw FrameError(description: "it ended without a result") }
                return (result, observations)
            case .refused: throw FrameError(description: try decode(AgentReason.self, bytes).text)
            default: throw FrameError(description: "it said \(kind) while it ran")
            }
        }
    }

    /// Adding up believes what it is given.
    private func sound(_ record: RunRecord) throws -> RunRecord {
        if let fault = record.fault { throw FrameError(description: "what it has seen cannot be: \(fault)") }
        return record
    }

    func abort(_ reason: String) { try? socket.send(.abort, AgentReason(text: reason)) }
    func hangUp() { socket.hangUp() }
}
