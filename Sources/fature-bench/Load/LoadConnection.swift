import Core
import Glibc

/// Who gets a connection's answers.
protocol LoadReceiver: AnyObject {
    /// - Parameters:
    ///   - status: the HTTP status; 0 when the connection broke or the stream was reset.
    ///   - body: valid during the call.
    func answered(ticket: Int, status: Int, body: UnsafeRawBufferPointer, now: MonotonicNanoseconds)
}

/// One HTTP/2 connection to the gateway over a socket that never blocks. A broken one is opened again.
final class LoadConnection {
    private static let reconnectNanoseconds: MonotonicNanoseconds = 100_000_000

    private let port: Int
    private let fields: RequestFields
    private unowned let receiver: LoadReceiver
    private var session: LoadSession
    private let output = ByteBuilder()
    private var sent = 0
    private var reconnectAt: MonotonicNanoseconds = 0
    private(set) var descriptor: Int32 = -1
    /// How often the connection was lost.
    private(set) var losses = 0

    init(port: Int, receiver: LoadReceiver) throws {
        self.port = port
        self.receiver = receiver
        fields = RequestFields(authority: "127.0.0.1:\(port)")
        session = LoadSession(fields)
        guard open() else {
            throw Shell.Failure(description: "no connection to 127.0.0.1:\(port): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var isUp: Bool { descriptor >= 0 }
    /// Whether the socket took less than there is.
    var hasOutput: Bool { sent < output.count }

    func get(_ path: String, ticket: Int) { session.get(path, ticket: ticket) }
    func post(_ path: String, ticket: Int, body: (ByteBuilder) -> Void) { session.post(path, ticket: ticket, body: body) }

    private func open() -> Bool {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return false }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
        }
        guard connected == 0 else {
            close(socket)
            return false
        }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
        descriptor = socket
        return true
    }

    /// Sends what there is, or tries to open a lost connection again.
    func flush(_ now: MonotonicNanoseconds) {
        guard isUp else {
            guard now >= reconnectAt else { return }
            reconnectAt = now + Self.reconnectNanoseconds
            _ = open()
            return
        }
        session.drain(into: output)
        while sent < output.count {
            let count = send(
                descriptor, output.bytes.baseAddress.unsafelyUnwrapped + sent, output.count - sent, Int32(MSG_NOSIGNAL))
            if count < 0 {
                if errno == EAGAIN || errno == EINTR { return }
                return lose(now)
            }
            sent += count
        }
        output.removeAll()
        sent = 0
    }

    /// Reads what has come and hands over the answers.
    func read(into buffer: UnsafeMutableRawBufferPointer) {
        while isUp {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            let now = monotonicNow()
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0 else { return lose(now) }
            let isFine = session.take(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])) {
                receiver.answered(ticket: $0, status: $1, body: $2, now: now)
            }
            guard isFine else { return lose(now) }
            if count < buffer.count { return }
        }
    }

    private func lose(_ now: MonotonicNanoseconds) {
        close(descriptor)
        descriptor = -1
        losses += 1
        output.removeAll()
        sent = 0
        reconnectAt = now + Self.reconnectNanoseconds
        let old = session
        session = LoadSession(fields)
        old.abandon { receiver.answered(ticket: $0, status: $1, body: $2, now: now) }
    }
}
