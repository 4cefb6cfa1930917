import CHiredis
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
                try fresh.send(try Self.encoded(greeting), replyBytesMax: configuration.replyBytesMax, deadline)
                reply = try fresh.reply(replyBytesMax: configuration.replyBytesMax, deadline)
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
        let reply = try exchange(try Self.encoded(arguments), replies: 1, timeoutMilliseconds)[0]
        if case .error(let text) = reply { throw RedisError(.server, text, serverCode: Self.serverCode(text)) }
        return reply
    }

    /// Sends all commands at once and gives their answers in order; a command the server refused has `error` as its answer.
    package func pipeline(_ commands: [[RedisArgument]], timeoutMilliseconds: Int? = nil) throws(RedisError) -> [RedisReply] {
        guard commands.count <= Self.pipelineCommandsMax else {
            throw RedisError(.usage, "more than \(Self.pipelineCommandsMax) commands in one pipeline: send them in parts")
        }
        var bytes: [UInt8] = []
        for command in commands {
            bytes += try Self.encoded(command)
            guard bytes.count <= Self.commandBytesMax else {
                throw RedisError(.usage, "more than \(Self.commandBytesMax) bytes in one pipeline: send them in parts")
            }
        }
        return try exchange(bytes, replies: commands.count, timeoutMilliseconds)
    }

    private func exchange(_ bytes: [UInt8], replies count: Int, _ timeoutMilliseconds: Int?) throws(RedisError) -> [RedisReply] {
        guard let socket else {
            throw RedisError(.connectionLost, "the connection to \(configuration) is closed: reconnect() opens it again")
        }
        let deadline = Deadline.after(milliseconds: timeoutMilliseconds ?? configuration.commandTimeoutMilliseconds)
        do throws(RedisError) {
            try socket.send(bytes, replyBytesMax: configuration.replyBytesMax, deadline)
            var replies: [RedisReply] = []
            for _ in 0..<count { replies.append(try socket.reply(replyBytesMax: configuration.replyBytesMax, deadline)) }
            return replies
        } catch {
            self.socket = nil
            throw error
        }
    }

    static func serverCode(_ text: String) -> String { String(text.prefix { $0 != " " }) }

    /// The command on the wire, formatted by hiredis with a length before each argument, so that any bytes pass.
    private static func encoded(_ arguments: [RedisArgument]) throws(RedisError) -> [UInt8] {
        guard !arguments.isEmpty, let argumentCount = Int32(exactly: arguments.count) else {
            throw RedisError(.usage, "a command needs its name as the first argument")
        }
        var arena: [UInt8] = []
        var starts: [Int] = []
        var lengths: [Int] = []
        for argument in arguments {
            starts.append(arena.count)
            switch argument {
            case .text(let text): arena.append(contentsOf: text.utf8)
            case .bytes(let bytes): arena.append(contentsOf: bytes)
            case .int(let number): arena.append(contentsOf: String(number).utf8)
            }
            lengths.append(arena.count - (starts.last ?? 0))
        }
        guard arena.count <= commandBytesMax else {
            throw RedisError(.usage, "a command of \(arena.count) bytes; \(commandBytesMax) at most")
        }
        // Keeps an empty last argument's pointer inside the buffer.
        arena.append(0)
        var target: UnsafeMutablePointer<CChar>?
        let length = arena.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                var pointers = starts.map { characters.baseAddress?.advanced(by: $0) }
                return redisFormatCommandArgv(&target, argumentCount, &pointers, lengths)
            }
        }
        guard length > 0, let target else { throw RedisError(.usage, "hiredis cannot format this command") }
        defer { redisFreeCommand(target) }
        return Array(UnsafeRawBufferPointer(start: target, count: Int(length)))
    }
}
