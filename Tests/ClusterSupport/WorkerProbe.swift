import Core
import Frames
import Glibc
import TestServers

/// Asks a worker directly, as a gateway with an outdated picture would.
package final class WorkerProbe {
    private let descriptor: Int32
    private var requestID: UInt64 = 0

    package init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw TestServerError("cannot connect to the worker on port \(port): error \(errno)") }
    }

    deinit { close(descriptor) }

    /// A worker's answer to one frame.
    package struct Reply: Sendable {
        package var outcome: Outcome
        package var word: UInt32
        package var fields: [UInt8]
    }

    package func ask(affiliate: Int64, shard: Int) throws -> Outcome {
        try send(affiliate: affiliate, shard: shard)
        return try receive()
    }

    package func send(affiliate: Int64, shard: Int) throws {
        try send(.affiliate, shard: UInt16(shard)) {
            AffiliateQuestion(sequence: 0, affiliate: AffiliateID(affiliate)).write(to: $0)
        }
    }

    package func receive() throws -> Outcome { try receiveReply().outcome }

    /// Sends one frame, to be answered within 10 s.
    package func send(_ operation: Operation, shard: UInt16, _ fields: (ByteBuilder) -> Void) throws {
        requestID += 1
        let frame = ByteBuilder()
        let start = frame.beginFrame(FrameHeader(code: operation.rawValue, shard: shard, requestID: requestID, word: 10_000_000))
        fields(frame)
        guard frame.endFrame(start), Glibc.send(descriptor, frame.base, frame.count, Int32(MSG_NOSIGNAL)) == frame.count else {
            throw TestServerError("the question could not be sent")
        }
    }

    /// The answer to what was sent last; nothing else may have been left unanswered.
    package func receiveReply() throws -> Reply {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let reply = try bytes.withUnsafeBytes { raw -> Reply? in
                var scanner = FrameScanner(raw)
                guard let (header, reader) = try scanner.next() else { return nil }
                guard header.requestID == requestID, let outcome = Outcome(rawValue: header.code) else {
                    throw TestServerError("an answer to another question")
                }
                var fields = reader
                return Reply(outcome: outcome, word: header.word, fields: Array(fields.rest()))
            }
            if let reply { return reply }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { throw TestServerError("the worker did not answer: error \(errno)") }
            bytes += chunk[..<count]
        }
    }

    /// Whether an answer has come, waiting no longer than so.
    package func hasAnswer(withinMilliseconds milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) > 0
    }
}
