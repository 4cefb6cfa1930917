import Core
import Glibc
import HTTP2
import LoadPlan
import LoadRecord
import NIOSSL

/// What connections share, and whom they tell.
struct ConnectionSurroundings {
    let target: LoadTarget
    let address: SocketAddress
    let head: RequestHead
    let requests: InFlightRequests
    let memory: SessionMemory
    let poller: Poller
    let tls: NIOSSLContext?
    let input: UnsafeMutableRawBufferPointer
}

/// One HTTP/2 connection over a socket that never blocks, from connecting to its end. It is not opened again: another takes its place.
final class LoadConnection {
    enum State {
        case connecting
        /// The TLS handshake is under way.
        case securing
        /// The server's SETTINGS have not come.
        case greeting
        case up
        /// No new streams; those that are open are answered.
        case retiring
        case closed
    }

    /// Its place among the connections of the run.
    let lane: Int
    let openedAt = monotonicNow()
    @exclusivity(unchecked) private(set) var state = State.connecting
    /// Why it closed before it was up.
    private(set) var failure: LoadSetUpError?
    /// Whether it closed with requests under way, or without having said so.
    private(set) var wasLost = false
    @exclusivity(unchecked) private var descriptor: Int32
    private let around: ConnectionSurroundings
    private let session: ClientSession
    @exclusivity(unchecked) private var tls: TLSLayer?
    /// What is to go out, and how much of it has.
    private let output: ByteBuilder
    /// With TLS: what is to be encrypted, and what came decrypted.
    private let clearOut: ByteBuilder
    private let clearIn = ByteBuilder(capacity: 64)
    @exclusivity(unchecked) private var written = 0
    @exclusivity(unchecked) private var watchesWrites = true
    /// Requests that go out with the next write.
    @exclusivity(unchecked) private var submitted: [Int32] = []
    /// In one turn.
    private static let readsMax = 4

    /// Set by the pool: its GOAWAY is counted.
    @exclusivity(unchecked) var isGoAwayCounted = false
    /// Set by the pool: it stands in the list of those to flush.
    @exclusivity(unchecked) var isDirty = false

    init(lane: Int, _ around: ConnectionSurroundings) {
        self.lane = lane
        self.around = around
        session = ClientSession(around.head, around.requests, around.memory)
        output = ByteBuilder()
        clearOut = around.tls == nil ? output : ByteBuilder()
        descriptor = around.address.makeSocket()
        guard descriptor >= 0 else {
            fail(.resources, "no socket for a connection: \(errorText(errno)); raise `ulimit -n` or lower `connections`")
            return
        }
        let result = around.address.with { connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            failConnecting(errno)
            return
        }
        around.poller.add(descriptor, token: token, writes: true)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private var token: UInt64 { UInt64(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())) }
    static func of(token: UInt64) -> LoadConnection {
        Unmanaged<LoadConnection>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(token)).unsafelyUnwrapped).takeUnretainedValue()
    }

    /// Whether a request may be given to it now: a stream is free, and the socket takes what is written.
    var takesRequests: Bool { state == .up && session.hasFreeStream && !watchesWrites }
    var isGoingAway: Bool { session.isGoingAway }
    var heardGoAway: Bool { session.heardGoAway }
    var hasLiveStreams: Bool { session.liveStreams > 0 }

    // MARK: Requests

    /// False: it takes no more, ever.
    func submit(_ index: Int, _ request: borrowing PlannedRequest) -> Bool {
        guard session.submit(index, request, into: clearOut) else { return false }
        around.requests[index].pointee.connection = Unmanaged.passUnretained(self)
        around.requests[index].pointee.state = .submitted
        submitted.append(Int32(index))
        return true
    }

    func cancel(_ stream: Int32) { session.cancel(stream) }

    // MARK: The socket

    /// Writes what there is. `sent` gets the requests that have left.
    func flush(_ sent: (Int, MonotonicNanoseconds) -> Void) {
        guard state != .closed, state != .connecting else { return }
        if state != .securing { session.drain(into: clearOut) }
        if let tls {
            if tls.isReady, clearOut.count > 0 {
                tls.send(clearOut.bytes)
                clearOut.removeAll()
            }
            tls.drain(into: output)
        }
        while written < output.count {
            let count = Glibc.send(
                descriptor, output.bytes.baseAddress.unsafelyUnwrapped + written, output.count - written, Int32(MSG_NOSIGNAL))
            if count < 0 {
                if errno == EINTR { continue }
                if errno != EAGAIN { lose(errno) }
                break
            }
            written += count
        }
        if written == output.count {
            output.removeAll()
            written = 0
        }
        // Also when not a single byte was taken.
        let wantsWrites = output.count > 0
        if wantsWrites != watchesWrites, state != .closed {
            watchesWrites = wantsWrites
            around.poller.change(descriptor, token: token, writes: wantsWrites)
        }
        if !submitted.isEmpty {
            let now = monotonicNow()
            for index in submitted { sent(Int(index), now) }
            submitted.removeAll(keepingCapacity: true)
        }
        // We have said why (GOAWAY): the server has broken the protocol.
        if !wantsWrites, session.isOver { lose(0) }
    }

    /// The socket can be written: it is connected, or takes more. Returns whether to flush.
    func becameWritable() -> Bool {
        guard state == .connecting else { return state != .closed }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        guard code == 0 else {
            failConnecting(code)
            return false
        }
        state = .greeting
        if let context = around.tls {
            state = .securing
            do { tls = try TLSLayer(context, host: around.target.host) } catch {
                fail(.certificate, "TLS for \(around.target.url): \(error)")
                return false
            }
        }
        return true
    }

    /// Reads what has come; requests that ended wait for `handOver`. Of a server that never stops sending not more than a share: the rest is still there in the
    /// next turn.
    func becameReadable() {
        for _ in 0..<Self.readsMax {
            guard state != .closed, state != .connecting else { return }
            let count = recv(descriptor, around.input.baseAddress, around.input.count, 0)
            if count < 0, errno == EAGAIN { return }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return lose(count < 0 ? errno : 0) }
            take(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(around.input)[..<count]))
            if count < around.input.count { return }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else { return takeClear(bytes) }
        clearIn.removeAll()
        let isFine = tls.receive(bytes, clear: clearIn)
        if state == .securing, tls.isReady {
            guard tls.speaksHTTP2 else {
                return fail(.notHTTP2, "\(around.target.url) does not offer HTTP/2 (ALPN h2) over TLS")
            }
            state = .greeting
        }
        if clearIn.count > 0 { takeClear(clearIn.bytes) }
        if !isFine, state != .closed {
            guard state == .securing else { return lose(0) }
            fail(.certificate, TLSFailure.text(around.target, tls.failure))
        }
    }

    private func takeClear(_ bytes: UnsafeRawBufferPointer) {
        guard session.take(bytes) else { return lose(0) }
        if state == .greeting, session.streamsMax > 0 { state = .up }
    }

    func handOver(_ end: (EndedRequest) -> Void) { session.handOver(end) }
    /// Something waits to be written: an acknowledgement, a cancelled stream.
    var wantsFlush: Bool { state != .closed && state != .connecting && session.wantsWrite }

    func retire() { if state == .up { state = .retiring } }

    // MARK: The end

    func shut() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        state = .closed
    }

    private func lose(_ code: Int32) {
        switch state {
        case .closed: return
        case .connecting: return failConnecting(code)
        case .securing:
            return fail(.certificate, TLSFailure.text(around.target, tls?.failure))
        case .greeting:
            return fail(
                .notHTTP2,
                "\(around.target.url) ended the connection instead of greeting with HTTP/2 SETTINGS; is it an HTTP/2 server"
                    + (around.tls == nil ? " without TLS?" : "?"))
        // After GOAWAY a connection may end once it has nothing more to answer.
        case .up, .retiring: wasLost = hasLiveStreams || !heardGoAway
        }
        shut()
    }

    private func failConnecting(_ code: Int32) {
        fail(.unreachable, "nobody at \(around.target.url): \(errorText(code)); start the target, or name another")
    }

    private func fail(_ code: LoadSetUpError.Code, _ text: String) {
        failure = LoadSetUpError(code, text)
        shut()
    }
}
