import CHiredis
import Core
import Glibc

/// A connected socket. Every wait is bounded by a deadline.
///
/// hiredis looks the host up and connects. Sending and receiving is ours, because its write(2) raises SIGPIPE on a closed connection and its
/// timeouts count from each packet instead of from the command; so is reading answers, which in hiredis is a tree of allocations.
final class RedisSocket {
    private let context: UnsafeMutablePointer<redisContext>
    private var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    private var reader: RedisReader

    init(_ configuration: RedisConfiguration, _ deadline: Deadline) throws(RedisError) {
        guard let context = redisConnectNonBlock(configuration.host, Int32(configuration.port)) else {
            throw RedisError(.cannotConnect, "hiredis has no memory for a connection")
        }
        self.context = context
        reader = RedisReader(answerBytesMax: configuration.replyBytesMax)
        guard context.pointee.err == 0, context.pointee.fd >= 0 else {
            let reason = withUnsafeBytes(of: context.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            throw RedisError(.cannotConnect, "\(configuration): \(reason)")
        }
        do throws(RedisError) {
            _ = try wait(for: POLLOUT, deadline)
        } catch {
            throw RedisError(
                .cannotConnect, "\(configuration): no connection within \(configuration.connectTimeoutMilliseconds) ms")
        }
        var failure: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(context.pointee.fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0, failure == 0 else {
            throw RedisError(.cannotConnect, "\(configuration): \(String(cString: strerror(failure == 0 ? errno : failure)))")
        }
        var on: Int32 = 1
        // Commands are small and waited for; a socket that refuses this still works.
        _ = setsockopt(context.pointee.fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
    }

    deinit { redisFree(context) }

    private func wait(for events: Int32, _ deadline: Deadline) throws(RedisError) -> Int32 {
        while true {
            var entry = pollfd(fd: context.pointee.fd, events: Int16(events), revents: 0)
            let ready = poll(&entry, 1, deadline.pollMilliseconds)
            if ready > 0 { return Int32(entry.revents) }
            if ready == 0 { throw RedisError(.timedOut, "Redis gave no answer in time; the connection is closed") }
            guard errno == EINTR else { throw lost("poll") }
        }
    }

    private func lost(_ call: String) -> RedisError {
        RedisError(.connectionLost, "the connection to Redis ended (\(call): \(String(cString: strerror(errno))))")
    }

    /// Sends commands and waits for their answers, taking in answers while it still sends, so that a long pipeline cannot block both sides.
    func exchange(_ commands: RedisCommands, _ deadline: Deadline) throws(RedisError) -> RedisReplies {
        let bytes = commands.bytes
        var sent = 0
        while sent < bytes.count {
            let count = Glibc.send(
                context.pointee.fd, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            if count > 0 {
                sent += count
            } else if count < 0, errno == EAGAIN || errno == EWOULDBLOCK {
                let ready = try wait(for: POLLOUT | POLLIN, deadline)
                if ready & POLLIN != 0 { try receive() }
            } else if count == 0 || errno != EINTR {
                throw lost("send")
            }
        }
        while reader.count < commands.count {
            _ = try wait(for: POLLIN, deadline)
            try receive()
        }
        guard reader.count == commands.count, reader.isAtEnd else {
            throw RedisError(.protocolViolation, "the server sent an answer that nobody asked for; is this a Redis port?")
        }
        return reader.take()
    }

    private func receive() throws(RedisError) {
        let count = recv(context.pointee.fd, &chunk, chunk.count, 0)
        if count < 0 {
            guard errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR else { throw lost("receive") }
            return
        }
        guard count > 0 else { throw RedisError(.connectionLost, "Redis closed the connection") }
        let result = chunk.withUnsafeBytes { chunk in
            Result { () throws(RedisError) in try reader.feed(UnsafeRawBufferPointer(rebasing: chunk[..<count])) }
        }
        try result.get()
    }

    /// Whether an idle connection still stands: nothing to read, no end of file.
    var isIdle: Bool {
        var entry = pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 0
    }
}
