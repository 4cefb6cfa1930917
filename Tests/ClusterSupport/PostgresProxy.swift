import Foundation
import Glibc
import Synchronization
import TestServers

/// Stands between a process and PostgreSQL and loses what it is told to lose, on connections that write.
package final class PostgresProxy: Sendable {
    package enum Fault: Int {
        case none
        /// PostgreSQL gets the next request; its answer is lost and the connection cut.
        case loseAnswer
        /// The next request never reaches PostgreSQL, and the connection is cut.
        case loseRequest
    }

    package let port: Int
    private let serverPort: Int
    /// How the name ends that writing connections give themselves.
    private let purpose: String
    private let listener: Int32
    /// For the next request on a writing connection.
    private let fault = Atomic<Int>(0)
    /// Counts the calls of `loseAnswers`: a writing connection that was made before loses its next answer.
    private let losses = Atomic<Int>(0)

    package init(to serverPort: Int, of purpose: String = "write") throws {
        self.serverPort = serverPort
        self.purpose = purpose
        let listener = Self.newSocket()
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(listener, raw, length) | listen(listener, 64) | getsockname(listener, raw, &length)
            }
        }
        guard status == 0 else { throw TestServerError("the proxy cannot listen: error \(errno)") }
        self.listener = listener
        port = Int(in_port_t(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                serve(client)
            }
        }
    }

    /// No more connections; those there are live on.
    package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    package func arm(_ fault: Fault) { self.fault.store(fault.rawValue, ordering: .sequentiallyConsistent) }
    package var isArmed: Bool { fault.load(ordering: .sequentiallyConsistent) != 0 }

    /// Loses the answers to what writing connections have asked by now, and cuts those connections.
    package func loseAnswers() { losses.add(1, ordering: .sequentiallyConsistent) }

    private static func newSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    private func serve(_ client: Int32) {
        let server = Self.newSocket()
        var address = Self.loopback(serverPort)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            close(client)
            close(server)
            return
        }
        let born = losses.load(ordering: .sequentiallyConsistent)
        let line = Line(client: client, server: server, purpose: purpose) { [self] in
            losses.load(ordering: .sequentiallyConsistent) != born
        }
        Thread.detachNewThread { [self] in line.carryRequests { take(.loseRequest, or: .loseAnswer) } }
        Thread.detachNewThread { line.carryAnswers() }
    }

    /// Takes the armed fault, once.
    private func take(_ one: Fault, or other: Fault) -> Fault {
        let armed = Fault(rawValue: fault.exchange(0, ordering: .sequentiallyConsistent)) ?? .none
        return armed == one || armed == other ? armed : .none
    }

    /// One connection through the proxy: a thread for each direction. The last of them closes both ends.
    private final class Line: Sendable {
        private let client: Int32
        private let server: Int32
        private let purpose: String
        private let losesAnswers = Atomic<Bool>(false)
        private let isWriting = Atomic<Bool>(false)
        private let isCondemned: @Sendable () -> Bool
        private let directions = Atomic<Int>(2)

        init(client: Int32, server: Int32, purpose: String, isCondemned: @escaping @Sendable () -> Bool) {
            self.isCondemned = isCondemned
            self.client = client
            self.server = server
            self.purpose = purpose
        }

        func carryRequests(_ fault: () -> Fault) {
            defer { end() }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            var writes = false
            var hasBegun = false
            while true {
                let count = recv(client, &chunk, chunk.count, 0)
                guard count > 0 else { return }
                if !hasBegun || !writes {
                    // The startup packet names the application, and that its purpose.
                    writes = String(decoding: chunk[..<count], as: UTF8.self).contains(" \(purpose)\0") || writes
                    isWriting.store(writes, ordering: .sequentiallyConsistent)
                    hasBegun = true
                } else {
                    switch fault() {
                    case .none: break
                    case .loseRequest: return
                    case .loseAnswer: losesAnswers.store(true, ordering: .sequentiallyConsistent)
                    }
                }
                guard send(server, chunk, count, Int32(MSG_NOSIGNAL)) == count else { return }
            }
        }

        func carryAnswers() {
            defer { end() }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(server, &chunk, chunk.count, 0)
                guard count > 0, !losesAnswers.load(ordering: .sequentiallyConsistent) else { return }
                if isWriting.load(ordering: .sequentiallyConsistent), isCondemned() { return }
                guard send(client, chunk, count, Int32(MSG_NOSIGNAL)) == count else { return }
            }
        }

        private func end() {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
            guard directions.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
            close(client)
            close(server)
        }
    }
}
