import Core

/// A connection to Redis, blocking, every wait bounded.
///
/// Not Sendable: it belongs to one thread at a time. Any failure but an error answer of the server closes it, since an answer
/// could still come for a command nobody waits for; `reconnect()` opens it again.
package final class RedisConnection {
    /// How many commands one pipeline takes.
    package static let pipelineCommandsMax = 100_000
    /// How many bytes of commands one pipeline or command takes.
    package static let commandBytesMax = 512 * 1024 * 1024

    package let configuration: RedisConfiguration
    private var socket: RedisSocket?
    /// Reused for commands that come as arguments.
    private let commands = RedisCommands()

    /// - Throws: `cannotConnect` or `accessRefused`.
    package init(_ configuration: RedisConfiguration) throws(RedisError) {
        self.configuration = configuration
        try reconnect()
    }

    /// Whether the connection stands; an end that the server made known is noticed without a command.
    package var isUsable: Bool { socket?.isIdle ?? false }

    package func close() { socket = nil }

    /// Closes what is open, connects and signs in.
    package func reconnect() throws(RedisError) {
        socket = nil
        let deadline = Deadline.after(milliseconds: configuration.connectTimeoutMilliseconds)
        let fresh = try RedisSocket(configuration, deadline)
        var greetings: [[RedisArgument]] = []
        if let password = configuration.password {
            greetings.append(configuration.user.map { ["AUTH", .text($0), .text(password)] } ?? ["AUTH", .text(password)])
        }
        if configuration.database != 0 { greetings.append(["SELECT", .int(Int64(configuration.database))]) }
        // PING tells at once of a missing password and of a server that is still loading.
        greetings.append(["PING"])
        for greeting in greetings {
            let reply: RedisReply
            do throws(RedisError) {
                try encode([greeting])
                let replies = try fresh.exchange(commands, deadline)
                reply = replies.reply(replies.roots[0])
            } catch {
                throw RedisError(.cannotConnect, "\(configuration): \(error.message)")
            }
            guard case .error(let text) = reply else { continue }
            let serverCode = Self.serverCode(text)
            let isRefused = ["WRONGPASS", "NOAUTH", "NOPERM", "ERR"].contains(serverCode)
            throw RedisError(isRefused ? .accessRefused : .cannotConnect, "\(configuration): \(text)", serverCode: serverCode)
        }
        socket = fresh
    }

    /// Sends one command and waits for its answer.
    ///
    /// - Throws: `server` for an error answer (the connection stays usable), otherwise see `RedisError.Code`.
    @discardableResult
    package func command(_ arguments: RedisArgument..., timeoutMilliseconds: Int? = nil) throws(RedisError) -> RedisReply {
        try command(arguments, timeoutMilliseconds: timeoutMilliseconds)
    }

    @discardableResult
    package func command(_ arguments: [RedisArgument], timeoutMilliseconds: Int? = nil) throws(RedisError) -> RedisReply {
        let reply = try pipeline([arguments], timeoutMilliseconds: timeoutMilliseconds)[0]
        if case .error(let text) = reply { throw RedisError(.server, text, serverCode: Self.serverCode(text)) }
        return reply
    }

    /// Sends all commands at once and gives their answers in order; a command the server refused has `error` as its answer.
    package func pipeline(_ commands: [[RedisArgument]], timeoutMilliseconds: Int? = nil) throws(RedisError) -> [RedisReply] {
        try encode(commands)
        let replies = try exchange(self.commands, timeoutMilliseconds: timeoutMilliseconds)
        return replies.roots.map { replies.reply($0) }
    }

    /// Sends commands that were encoded as they came up, and gives the answers as they are.
    package func exchange(_ commands: RedisCommands, timeoutMilliseconds: Int? = nil) throws(RedisError) -> RedisReplies {
        guard commands.isComplete, commands.count <= Self.pipelineCommandsMax, commands.byteCount <= Self.commandBytesMax else {
            throw RedisError(
                .usage,
                "a pipeline takes whole commands, \(Self.pipelineCommandsMax) and \(Self.commandBytesMax) bytes at most: send them in parts"
            )
        }
        guard let socket else {
            throw RedisError(.connectionLost, "the connection to \(configuration) is closed: reconnect() opens it again")
        }
        let deadline = Deadline.after(milliseconds: timeoutMilliseconds ?? configuration.commandTimeoutMilliseconds)
        do throws(RedisError) {
            return try socket.exchange(commands, deadline)
        } catch {
            self.socket = nil
            throw error
        }
    }

    package static func serverCode(_ text: String) -> String { String(text.prefix { $0 != " " }) }

    private func encode(_ commands: [[RedisArgument]]) throws(RedisError) {
        self.commands.removeAll()
        for command in commands {
            guard !command.isEmpty else { throw RedisError(.usage, "a command needs its name as the first argument") }
            self.commands.begin(arguments: command.count)
            for argument in command { self.commands.append(argument: argument) }
            guard self.commands.byteCount <= Self.commandBytesMax else {
                throw RedisError(.usage, "more than \(Self.commandBytesMax) bytes in one pipeline: send them in parts")
            }
        }
    }
}
