import Core
import LoadPlan

/// The kinds of messages between controller and agent, and what their JSON holds.
///
///     controller                          agent
///     hello {protocol, version}      →
///                                    ←    hello
///     ping, some times               →
///                                    ←    pong {monotonic}
///     load {AgentOrder}              →
///     members (bytes), some          →
///     prepare                        →
///                                    ←    ready, or refused {reason}
///     begin {at, on the agent's clock} →
///                                    ←    picture {RunRecord}, every second
///     abort {reason}, at any time    →
///                                    ←    result {RunRecord}
///                                    ←    observations (bytes), some
///                                    ←    end
enum AgentMessage: UInt8, Sendable {
    case hello = 1
    case ping, pong, load, members, prepare, ready, refused, begin, picture, abort, result, observations, end
}

/// Of `hello`.
struct AgentHello: Codable, Sendable {
    /// Both sides must say the same.
    static let protocolVersion = 1
    var `protocol` = protocolVersion
    var version = buildVersion
}

/// Of `pong` and `begin`: a moment on the agent's monotonic clock.
struct AgentMoment: Codable, Sendable {
    var nanoseconds: UInt64
}

/// Of `refused` and `abort`.
struct AgentReason: Codable, Sendable {
    var text: String
}

/// What one agent has to do. The network follows in `members`.
package struct AgentOrder: Codable, Sendable {
    package var scenario: Scenario
    package var target: LoadTarget
    package var runName: String
    package var agent: Int
    package var agents: Int
    package var name: String
    package var memberCount: Int

    /// More would not fit into an agent's memory.
    static let memberCountMax = 50_000_000
}

/// A network as bytes: 18 for each member.
enum MemberBytes {
    static let bytesPerMember = 18
    static let membersPerMessage = 50_000

    static func encode(_ members: ArraySlice<Population.Member>) -> [UInt8] {
        let text = ByteBuilder(capacity: members.count * bytesPerMember + 64)
        for member in members {
            text.appendInteger(member.id)
            text.appendInteger(member.root)
            text.append(member.shard)
            text.append(UInt8((member.isActive ? 1 : 0) | (member.isLeaf ? 2 : 0)))
        }
        return Array(text.bytes)
    }

    /// Nil: not made by `encode`.
    static func decode(_ bytes: [UInt8]) -> [Population.Member]? {
        guard bytes.count % bytesPerMember == 0 else { return nil }
        return bytes.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count, by: bytesPerMember).map { at in
                Population.Member(
                    id: Int64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: Int64.self)),
                    root: Int64(littleEndian: raw.loadUnaligned(fromByteOffset: at + 8, as: Int64.self)), shard: raw[at + 16],
                    isActive: raw[at + 17] & 1 != 0, isLeaf: raw[at + 17] & 2 != 0)
            }
        }
    }
}
