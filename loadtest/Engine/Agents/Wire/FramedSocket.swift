import Core
import Foundation
import Glibc

/// Why nothing more can be said to, or heard from, the other side.
package struct FrameError: Error, CustomStringConvertible {
    package let description: String
    /// Nothing was heard for a while; the other side may still be there.
    var isSilence = false

    init(description: String, isSilence: Bool = false) {
        self.description = description
        self.isSilence = isSilence
    }
}

/// A TCP connection between controller and agent. A message is its length (four bytes, big-endian, of what follows), its kind (one byte), and JSON
/// or, for some kinds, bytes. Sending and receiving block; one thread may send while another receives.
package final class FramedSocket: Sendable {
    /// Of one message: the record of a long run has histograms for each second.
    static let messageBytesMax = 256 << 20
    /// Silence after which the other side is lost: agents say something every second.
    static let silenceSeconds = 30

    private let descriptor: Int32
    private let sending = Monitor(())

    init(_ descriptor: Int32, silenceSeconds: Int = FramedSocket.silenceSeconds) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var silence = timeval(tv_sec: silenceSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &silence, socklen_t(MemoryLayout<timeval>.size))
        }
        setNoDelay(descriptor)
    }

    deinit { close(descriptor) }

    /// The other side's address, to be told of.
    var peer: String {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let status = withUnsafeMutableBytes(of: &storage) { bytes in
            let address = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self)
            getpeername(descriptor, address, &size)
            return getnameinfo(
                address, size, &host, socklen_t(host.count), &port, socklen_t(port.count), NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard status == 0 else { return "somebody who is gone" }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return AgentAddress(host: text(host), port: Int(text(port)) ?? 0).description
    }

    /// Ends both directions; who waits on either side is told.
    func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    func send(_ kind: AgentMessage, _ value: some Encodable) throws {
        try send(kind, bytes: Array(try JSONEncoder().encode(value)))
    }

    func send(_ kind: AgentMessage, bytes: [UInt8] = []) throws {
        guard bytes.count < Self.messageBytesMax else {
            throw FrameError(description: "a message of \(bytes.count) bytes is over the limit of \(Self.messageBytesMax)")
        }
        let length = UInt32(bytes.count + 1)
        var message = [
            UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), kind.rawValue,
        ]
        message += bytes
        let failure: FrameError? = sending.withLock { _ in
            var at = 0
            while at < message.count {
                let count = message.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress.unsafelyUnwrapped + at, $0.count - at, Int32(MSG_NOSIGNAL))
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return FrameError(description: errorText(errno)) }
                at += count
            }
            return nil
        }
        if let failure { throw failure }
    }

    /// - Parameters:
    ///   - bytesMax: of a message; a longer one is refused unread.
    ///   - deadline: for the whole message, from whoever need not be trusted; without one only silence ends the wait.
    func receive(
        bytesMax: Int = messageBytesMax, until deadline: Deadline = .never
    ) throws -> (kind: AgentMessage, bytes: [UInt8]) {
        let head = try read(4, deadline, isBegin: true)
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        guard length >= 1, length <= bytesMax else {
            throw FrameError(description: "a message of \(length) bytes; this is no load agent or controller")
        }
        let message = try read(length, deadline)
        guard let kind = AgentMessage(rawValue: message[0]) else {
            throw FrameError(description: "a message of unknown kind \(message[0])")
        }
        return (kind, Array(message.dropFirst()))
    }

    /// As `receive`, with patience for so many silences before the message.
    func receive(silencesMax: Int) throws -> (kind: AgentMessage, bytes: [UInt8]) {
        for _ in 1..<max(1, silencesMax) {
            do { return try receive() } catch let error as FrameError where error.isSilence { continue }
        }
        return try receive()
    }

    private func read(_ count: Int, _ deadline: Deadline, isBegin: Bool = false) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: min(count, 1 << 16))
        // Grows with what really comes, not with what a length claims.
        while bytes.count < count {
            let wanted = min(block.count, count - bytes.count)
            if deadline.remainingNanoseconds != nil {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let ready = poll(&waiting, 1, deadline.pollMilliseconds)
                guard !deadline.hasPassed else { throw FrameError(description: "nothing heard in time") }
                guard ready > 0 else { continue }
            }
            let got = block.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, wanted, 0) }
            if got < 0, errno == EINTR { continue }
            if got < 0, errno == EAGAIN {
                throw FrameError(description: "nothing heard for \(Self.silenceSeconds) s", isSilence: isBegin && bytes.isEmpty)
            }
            guard got > 0 else {
                throw FrameError(description: got == 0 ? "the connection was closed" : errorText(errno))
            }
            bytes += block[..<got]
        }
        return bytes
    }
}
