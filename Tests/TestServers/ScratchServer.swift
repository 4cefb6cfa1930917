import Dispatch
import Glibc

/// Where a test server lives and how it is named.
package enum ScratchServer {
    /// A port of 127.0.0.1 that is free now, below the range the system hands out to outgoing connections. Somebody may take
    /// it before the server does: whoever starts one tries again with another.
    package static func freePort() throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 15_000..<32_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw TestServerError("no socket: error \(errno)") }
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port)).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if status == 0 { return port }
        }
        throw TestServerError("no free port found between 15000 and 31999")
    }

    static func password() -> String {
        (0..<24).map { _ in String("abcdefghijkmnpqrstuvwxyz23456789".randomElement() ?? "x") }.joined()
    }

    /// Runs blocking work away from Swift's cooperative threads.
    package static func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Asks `isReady` every few milliseconds until it says yes; throws when the process ends or the time is over.
    static func awaitReady(_ process: ServerProcess, seconds: Int = 30, log: String, _ isReady: () -> Bool) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while !isReady() {
            guard process.isRunning else {
                throw TestServerError("the server ended at its start:\n\(ChildProcess.contents(log) ?? "")")
            }
            guard ContinuousClock.now < end else {
                throw TestServerError("the server was not ready within \(seconds) s:\n\(ChildProcess.contents(log) ?? "")")
            }
            // The server tells nobody when it is ready; asking is all there is.
            usleep(10_000)
        }
    }
}
