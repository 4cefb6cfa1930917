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

    var command: [RedisArgument] { ["EVALSHA", .text(script.digest), .int(Int64(keys.count))] + keys + arguments }
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
        var replies = try pipeline(calls.map(\.command), timeoutMilliseconds: timeoutMilliseconds)
        // NOSCRIPT says that nothing ran, so that the call can be made again.
        let unknown = replies.indices.filter { index in
            guard case .error(let text) = replies[index] else { return false }
            return Self.serverCode(text) == "NOSCRIPT"
        }
        guard !unknown.isEmpty else { return replies }
        // Loaded apart from the calls: a server without memory to spare refuses a call and forgets its text.
        var loads: [String: [RedisArgument]] = [:]
        for index in unknown { loads[calls[index].script.digest] = ["SCRIPT", "LOAD", .bytes(calls[index].script.source)] }
        let again = try pipeline(
            loads.values + unknown.map { calls[$0].command }, timeoutMilliseconds: timeoutMilliseconds
        ).dropFirst(loads.count)
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
