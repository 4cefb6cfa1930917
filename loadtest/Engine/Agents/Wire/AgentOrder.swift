import Core
import LoadPlan

/// What one agent has to do. The network follows in `members`.
package struct AgentOrder: Codable, Sendable {
    package var scenario: Scenario
    package var target: LoadTarget
    package var runName: String
    package var agent: Int
    package var agents: Int
    /// How the controller calls this agent.
    package var name: String
    package var memberCount: Int
    /// Whether the controller wants what answers said: it compares them with PostgreSQL afterwards.
    package var isChecked: Bool

    /// More would not fit into an agent's memory.
    static let memberCountMax = 50_000_000
    static let agentsMax = 1000

    /// Throws what is wrong with an order: an agent believes no controller that its numbers make sense.
    func check() throws {
        guard (1...Self.agentsMax).contains(agents), (0..<agents).contains(agent) else {
            throw FrameError(description: "agent \(agent) of \(agents) does not exist")
        }
        guard (0...Self.memberCountMax).contains(memberCount) else {
            throw FrameError(description: "a network of \(memberCount) affiliates; at most \(Self.memberCountMax) fit")
        }
        guard scenario.events.isEmpty else { throw FrameError(description: "events are for the controller to run") }
        guard target.caFile == nil else { throw FrameError(description: "certificates come with the order, not as a file here") }
        do { try scenario.check() } catch { throw FrameError(description: "a scenario that is none: \(error)") }
    }
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
