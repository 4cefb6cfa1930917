import Core
import Foundation
import LoadPlan
import LoadRecord

/// One controller's order, from the end of the handshake to the result.
struct AgentSession: Sendable {
    private let socket: FramedSocket
    private let make: AgentServer.Maker
    private let peer: String
    private let log: AgentServer.Log
    /// Says what the agent does; nil: nothing any more.
    private let hold: @Sendable (String?) -> String?

    /// Of the other side: a controller that waits for slower agents has nothing to say for a while.
    static let silencesMax = 10
    /// A begin further ahead was not meant.
    private static let leadNanosecondsMax: UInt64 = 20_000_000_000
    private static let observationBytes = 8 << 20

    init(
        _ socket: FramedSocket, _ make: @escaping AgentServer.Maker, peer: String, _ log: @escaping AgentServer.Log,
        hold: @escaping @Sendable (String?) -> String?
    ) {
        self.socket = socket
        self.make = make
        self.peer = peer
        self.log = log
        self.hold = hold
    }

    func serve() throws {
        var order: AgentOrder?
        var members: [Population.Member] = []
        // Dropped without having begun, it closes its connections: the controller is gone.
        var prepared: PreparedRun?
        var observations: @Sendable () -> [UInt8] = { [] }
        while true {
            let (kind, bytes) = try socket.receive(silencesMax: Self.silencesMax)
            switch kind {
            case .ping: try socket.send(.pong, AgentMoment(nanoseconds: monotonicNow()))
            case .load:
                let given = try decode(AgentOrder.self, bytes)
                try given.check()
                order = given
                members = []
                let words =
                    "run \(given.runName) of \(peer): \(given.scenario.name) as agent \(given.agent + 1) of \(given.agents), against \(given.target.url)"
                if let reason = hold(words) { throw FrameError(description: reason) }
                log("ordered \(words)")
            case .members:
                guard let order, let more = MemberBytes.decode(bytes), members.count + more.count <= order.memberCount else {
                    throw FrameError(description: "a network that does not fit its order")
                }
                members += more
            case .prepare:
                guard let given = order, members.count == given.memberCount else {
                    throw FrameError(description: "an order that is not whole")
                }
                do {
                    let work = try make(given, Population(members))
                    observations = work.observations
                    prepared = try work.run.prepare()
                } catch {
                    log("the order is refused: \(error)")
                    try socket.send(.refused, AgentReason(text: "\(error)"))
                    continue
                }
                try socket.send(.ready)
            case .begin:
                guard let run = prepared.take() else { throw FrameError(description: "told to begin before it was ready") }
                let begin = try decode(AgentMoment.self, bytes).nanoseconds
                guard begin <= monotonicNow() + Self.leadNanosecondsMax else {
                    throw FrameError(description: "told to begin in more than \(Self.leadNanosecondsMax / 1_000_000_000) s")
                }
                return try self.run(run, observations, begin: begin)
            case .abort:
                prepared?.stop.abort(try decode(AgentReason.self, bytes).text)
            case .hello, .proof, .welcome, .pong, .ready, .refused, .picture, .result, .observations, .end:
                throw FrameError(description: "it said \(kind) before it said begin")
            }
        }
    }

    private func run(
        _ run: consuming PreparedRun, _ observations: () -> [UInt8], begin: MonotonicNanoseconds
    ) throws {
        let stop = run.stop
        let listens = DetachedThread.start { [self] in
            // A controller that is gone, or silent, wants no load any more: it pings as often as it is sent pictures.
            while true {
                do {
                    let (kind, bytes) = try socket.receive()
                    if kind == .abort { stop.abort(try decode(AgentReason.self, bytes).text) }
                } catch {
                    for _ in 0..<2 { stop.abort("the controller is gone: \(error)") }
                    return
                }
            }
        }
        guard listens else { throw FrameError(description: "no thread to listen to the controller") }
        let now = monotonicNow()
        let late = begin > now ? nil : "it began \((now - begin) / 1_000_000) ms late"
        log(late ?? "begins in \((begin - now) / 1_000_000) ms")
        var record = run.run(begin: begin) { try? socket.send(.picture, AgentPicture($0)) }
        if let late { record.invalid.append(late) }
        let sent = record.agents.reduce(0) { $0 + $1.sent }
        log("ended: \(sent) requests sent\(record.aborted.map { "; before its time: \($0)" } ?? "")")
        for reason in record.invalid { log("invalid: \(reason)") }
        try socket.send(.result, record)
        let seen = observations()
        for start in stride(from: 0, to: seen.count, by: Self.observationBytes) {
            let end = min(start + Self.observationBytes, seen.count)
            try socket.send(.observations, bytes: Array(seen[start..<end]))
        }
        // Before the controller knows that it may give the next order.
        _ = hold(nil)
        try socket.send(.end)
    }
}

func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
        throw FrameError(description: "a \(type) that cannot be read: \(error)")
    }
}
