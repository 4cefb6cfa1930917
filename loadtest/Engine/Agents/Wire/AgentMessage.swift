import Core
import LoadPlan
import LoadRecord

/// The kinds of messages between controller and agent, and what their JSON holds.
///
///     controller                             agent
///     hello {AgentHello}                →
///                                       ←    hello {AgentHello}
///     proof {AgentProof}                →
///                                       ←    welcome {AgentProof}, or refused {reason}
///     load {AgentOrder}                 →
///     members (bytes), some             →
///     prepare                           →
///                                       ←    ready, or refused {reason}
///     ping, some times                  →
///                                       ←    pong {monotonic}
///     begin {at, on the agent's clock}  →
///                                       ←    picture {AgentPicture}, every second
///     ping: the controller is there     →
///     abort {reason}, at any time       →
///                                       ←    result {RunRecord}
///                                       ←    observations (bytes), some
///                                       ←    end; or refused {reason} when somebody ended the agent
enum AgentMessage: UInt8, Sendable {
    case hello = 1
    case proof, welcome, ping, pong, load, members, prepare, ready, refused, begin, picture, abort, result, observations, end
}

/// What every version's `hello` holds: read before anything else is.
struct AgentProtocol: Codable, Sendable, Equatable, CustomStringConvertible {
    /// Both sides must say the same.
    static let number = 2
    var `protocol` = number
    /// Of the program. Requests are planned on either side, so this has to be the same too.
    var version = buildVersion

    var description: String { "protocol \(`protocol`) of version \(version)" }
}

/// Of `hello`.
struct AgentHello: Codable, Sendable {
    var `protocol` = AgentProtocol.number
    var version = buildVersion
    var nonce: String
    var hasToken: Bool
}

/// Of `proof` and `welcome`: empty when neither side has a token.
struct AgentProof: Codable, Sendable {
    var proof: String
}

/// Of `pong` and `begin`: a moment on the agent's monotonic clock.
struct AgentMoment: Codable, Sendable {
    var nanoseconds: UInt64
}

/// Of `refused` and `abort`.
struct AgentReason: Codable, Sendable {
    var text: String
}

/// What is known of a run while it goes on: without the windows that nobody looks at any more, so that it stays small.
struct AgentPicture: Codable, Sendable {
    /// As many as progress shows, and then some.
    static let windowsMax = 60

    private var record: RunRecord
    private var windowsBefore: Int

    init(_ record: RunRecord) {
        self.record = record
        windowsBefore = max(0, record.windows.count - Self.windowsMax)
        self.record.windows.removeFirst(windowsBefore)
    }

    /// - Throws: when it claims more windows than a run has seconds.
    func whole() throws -> RunRecord {
        guard (0...WindowSeries.windowsMax).contains(windowsBefore) else {
            throw FrameError(description: "a picture without \(windowsBefore) windows")
        }
        var whole = record
        whole.windows.insert(contentsOf: repeatElement(WindowRecord(), count: windowsBefore), at: 0)
        return whole
    }
}
