import Core
import Glibc
import HTTP2

/// The sockets of a `NullServer`.
final class NullLoop {
    private final class Peer {
        let descriptor: Int32
        let session: NullSession
        let output = ByteBuilder()
        var written = 0
        var watchesWrites = false

        init(_ descriptor: Int32, _ session: NullSession) {
            self.descriptor = descriptor
            self.session = session
        }
    }

    private let listener: Int32
    private let poller: Poller
    private let rules: NullRules
    private let memory = SessionMemory()
    private var peers: [Peer?] = []
    /// That are open.
    private(set) var connections = 0
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
    private static let listenerToken = UInt64.max

    init(_ listener: Int32, _ poller: Poller, _ rules: NullRules) {
        self.listener = listener
        self.poller = poller
        self.rules = rules
        poller.add(listener, token: Self.listenerToken, writes: false)
    }

    deinit { input.deallocate() }

    func turn(nanoseconds: UInt64) {
        for position in 0..<poller.wait(nanoseconds: nanoseconds) {
            let event = poller.event(position)
            if event.token == Self.listenerToken {
                acceptAll()
            } else if let peer = peers[Int(event.token)] {
                let isFine = (!event.isReadable || read(peer)) && write(peer, Int(event.token))
                if !isFine { drop(Int(event.token)) }
            }
        }
    }

    private func acceptAll() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { return }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            setNoDelay(descriptor)
            let peer = Peer(descriptor, NullSession(rules, memory, connection: peers.count))
            peers.append(peer)
            connections += 1
            poller.add(descriptor, token: UInt64(peers.count - 1), writes: false)
            if !write(peer, peers.count - 1) { drop(peers.count - 1) }
        }
    }

    private func read(_ peer: Peer) -> Bool {
        while true {
            let count = recv(peer.descriptor, input.baseAddress, input.count, 0)
            if count < 0, errno == EAGAIN { return true }
            guard count > 0, peer.session.take(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(input)[..<count])) else {
                return false
            }
            if count < input.count { return true }
        }
    }

    private func write(_ peer: Peer, _ index: Int) -> Bool {
        peer.session.drain(into: peer.output)
        let output = peer.output
        while peer.written < output.count {
            let count = Glibc.send(
                peer.descriptor, output.base + peer.written, output.count - peer.written, Int32(MSG_NOSIGNAL))
            if count < 0 {
                guard errno == EAGAIN else { return false }
                break
            }
            peer.written += count
        }
        if peer.written == output.count {
            output.removeAll()
            peer.written = 0
        }
        let watches = output.count > 0
        if watches != peer.watchesWrites {
            peer.watchesWrites = watches
            poller.change(peer.descriptor, token: UInt64(index), writes: watches)
        }
        return !peer.session.isClosing
    }

    private func drop(_ index: Int) {
        guard let peer = peers[index] else { return }
        close(peer.descriptor)
        peers[index] = nil
        connections -= 1
    }

    func closeAll() {
        for index in peers.indices { drop(index) }
        close(listener)
    }
}
