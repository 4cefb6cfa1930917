/// A Lua script that the server keeps under the SHA-1 of its text.
package struct RedisScript: Sendable {
    /// The script as it goes to the server.
    package let source: [UInt8]
    /// What EVALSHA calls it: 40 hexadecimal digits.
    package let digest: String

    package init(source: [UInt8]) {
        self.source = source
        digest = SHA1.hexadecimal(of: source)
    }
}

/// One call of a script: the keys it touches, all of them, and its other arguments.
package struct RedisScriptCall: Sendable {
    package let script: RedisScript
    package let keys: [RedisArgument]
    package let arguments: [RedisArgument]

    package init(_ script: RedisScript, keys: [RedisArgument], _ arguments: [RedisArgument] = []) {
        self.script = script
        self.keys = keys
        self.arguments = arguments
    }

    /// By its digest, or with its text where the server does not have it.
    func command(withSource: Bool) -> [RedisArgument] {
        let head: [RedisArgument] =
            withSource ? ["EVAL", .bytes(script.source)] : ["EVALSHA", .text(script.digest)]
        return head + [.int(Int64(keys.count))] + keys + arguments
    }
}

extension RedisConnection {
    /// Runs a script; a server that does not have it yet is given its text.
    ///
    /// - Throws: `server` for an error answer, otherwise see `RedisError.Code`.
    @discardableResult
    package func evaluate(_ call: RedisScriptCall, timeoutMilliseconds: Int? = nil) throws(RedisError) -> RedisReply {
        let reply = try evaluate([call], timeoutMilliseconds: timeoutMilliseconds)[0]
        if case .error(let text) = reply { throw RedisError(.server, text, serverCode: Self.serverCode(text)) }
        return reply
    }

    /// Sends all calls at once and gives their answers in order; a call the server refused has `error` as its answer.
    package func evaluate(_ calls: [RedisScriptCall], timeoutMilliseconds: Int? = nil) throws(RedisError) -> [RedisReply] {
        var replies = try pipeline(calls.map { $0.command(withSource: false) }, timeoutMilliseconds: timeoutMilliseconds)
        // NOSCRIPT says that nothing ran, so that the call can be made again.
        let unknown = replies.indices.filter { index in
            guard case .error(let text) = replies[index] else { return false }
            return Self.serverCode(text) == "NOSCRIPT"
        }
        guard !unknown.isEmpty else { return replies }
        var sent: Set<String> = []
        let again = try pipeline(
            unknown.map { calls[$0].command(withSource: sent.insert(calls[$0].script.digest).inserted) },
            timeoutMilliseconds: timeoutMilliseconds)
        for (index, reply) in zip(unknown, again) { replies[index] = reply }
        return replies
    }

    /// As `exchange`, for one call of a script; a server that does not have it yet is given its text.
    package func exchange(
        _ commands: RedisCommands, loading script: RedisScript, timeoutMilliseconds: Int? = nil
    ) throws(RedisError) -> RedisReplies {
        let replies = try exchange(commands, timeoutMilliseconds: timeoutMilliseconds)
        guard let text = replies.error(replies.roots[0]), Self.serverCode(text) == "NOSCRIPT" else { return replies }
        try command("SCRIPT", "LOAD", .bytes(script.source))
        return try exchange(commands, timeoutMilliseconds: timeoutMilliseconds)
    }
}
