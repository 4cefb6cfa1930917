import Glibc

/// The secret that a controller and its agents share. It never travels: each side proves with it that it has read the other's fresh number.
package struct AgentToken: Sendable {
    /// Whoever can listen to a handshake can try secrets against it: a short one would be found.
    package static let bytesMin = 16
    package static let bytesMax = 1024

    private let secret: [UInt8]

    /// - Throws: when the secret is shorter or longer than a token may be.
    package init(_ secret: [UInt8]) throws(LoadSetUpError) {
        guard (Self.bytesMin...Self.bytesMax).contains(secret.count) else {
            throw LoadSetUpError(
                .agent, "a token has \(Self.bytesMin) to \(Self.bytesMax) bytes; make one with: openssl rand -hex 32")
        }
        self.secret = secret
    }

    /// Reads the file's first line.
    ///
    /// - Throws: when it cannot be read, holds no token, or may be read by everybody.
    package init(file: String) throws(LoadSetUpError) {
        func bad(_ why: String) -> LoadSetUpError { LoadSetUpError(.agent, "token file \(file): \(why)") }
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw bad(errorText(errno)) }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT != S_IFDIR else { throw bad("it is no file") }
        guard info.st_mode & 0o007 == 0 else { throw bad("everybody on this host may read it; chmod o= \(file)") }
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax + 2)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw bad(errorText(errno)) }
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        do { try self.init(Array(line)) } catch { throw bad(error.description) }
    }

    enum Role: String { case controller, agent }

    /// What only a holder of the secret can say to these two numbers, in hexadecimal.
    func proof(of role: Role, agentNonce: String, controllerNonce: String) -> String {
        let message = "fature loadtest \(role.rawValue)\n\(agentNonce)\n\(controllerNonce)"
        return hexadecimal(SHA256.authentication(of: Array(message.utf8), key: secret))
    }

    /// Whether the proofs are the same, in a time that does not tell where they differ.
    static func areEqual(_ ours: String, _ theirs: String) -> Bool {
        let (ours, theirs) = (Array(ours.utf8), Array(theirs.utf8))
        guard ours.count == theirs.count else { return false }
        return zip(ours, theirs).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// A number that was never used before, in hexadecimal.
    static func nonce() -> String {
        var random = SystemRandomNumberGenerator()
        return hexadecimal((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
