import Core

/// The first words between controller and agent: whether they speak the same, and whether both hold the token. Nothing else is read before.
///
/// Each proves to hold the token by the HMAC of both sides' fresh numbers, the controller first. So the token cannot be overheard, and a handshake that
/// was cannot be played again.
struct AgentHandshake {
    let socket: FramedSocket
    let token: AgentToken?

    /// Of a message before the other side is trusted.
    static let messageBytesMax = 4096
    /// For the whole handshake.
    static let milliseconds = 10_000

    /// The agent's side. What is wrong is told to the controller too, where it can read it.
    ///
    /// - Parameter claim: nil, and the agent is this controller's; else why it cannot be.
    func asAgent(claim: () -> String?) throws {
        let deadline = Deadline.after(milliseconds: Self.milliseconds)
        let ours = AgentHello(nonce: AgentToken.nonce(), hasToken: token != nil)
        let bytes = try hear(.hello, deadline)
        try socket.send(.hello, ours)
        let spoken = try decode(AgentProtocol.self, bytes)
        guard spoken == AgentProtocol() else {
            throw FrameError(description: "the controller speaks \(spoken), this agent \(AgentProtocol())")
        }
        let theirs = try decode(AgentHello.self, bytes)
        let proof = try decode(AgentProof.self, try hear(.proof, deadline)).proof
        func isProven(_ token: AgentToken) -> Bool {
            AgentToken.areEqual(
                token.proof(of: .controller, agentNonce: ours.nonce, controllerNonce: theirs.nonce), proof)
        }
        guard token.map(isProven) ?? !theirs.hasToken else {
            try refuse(
                token == nil
                    ? "it has no token, so anybody could order its load; start it with --token-file"
                    : theirs.hasToken ? "its token is another one" : "it wants a token; give --token-file")
        }
        if let reason = claim() { try refuse(reason) }
        try socket.send(
            .welcome,
            AgentProof(
                proof: token?.proof(of: .agent, agentNonce: ours.nonce, controllerNonce: theirs.nonce) ?? ""))
    }

    /// The controller's side.
    func asController() throws {
        let deadline = Deadline.after(milliseconds: Self.milliseconds)
        let ours = AgentHello(nonce: AgentToken.nonce(), hasToken: token != nil)
        try socket.send(.hello, ours)
        let bytes = try hear(.hello, deadline)
        let spoken = try decode(AgentProtocol.self, bytes)
        guard spoken == AgentProtocol() else {
            throw FrameError(
                description: "it speaks \(spoken), this controller \(AgentProtocol()); start the same fature on both hosts")
        }
        let theirs = try decode(AgentHello.self, bytes)
        let proof = token?.proof(of: .controller, agentNonce: theirs.nonce, controllerNonce: ours.nonce) ?? ""
        try socket.send(.proof, AgentProof(proof: proof))
        let answer = try decode(AgentProof.self, try hear(.welcome, deadline)).proof
        guard let token else { return }
        guard
            AgentToken.areEqual(token.proof(of: .agent, agentNonce: theirs.nonce, controllerNonce: ours.nonce), answer)
        else { throw FrameError(description: "it does not hold our token: it is not the agent that was meant") }
    }

    private func hear(_ expected: AgentMessage, _ deadline: Deadline) throws -> [UInt8] {
        let (kind, bytes) = try socket.receive(bytesMax: Self.messageBytesMax, until: deadline)
        if kind == .refused { throw FrameError(description: try decode(AgentReason.self, bytes).text) }
        guard kind == expected else { throw FrameError(description: "it said \(kind) instead of \(expected)") }
        return bytes
    }

    private func refuse(_ reason: String) throws -> Never {
        try? socket.send(.refused, AgentReason(text: reason))
        throw FrameError(description: "refused: \(reason)")
    }
}
