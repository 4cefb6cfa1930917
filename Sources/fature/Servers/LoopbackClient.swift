import Foundation

/// The little that `fature up` itself asks servers: one short exchange over TCP, bounded in time and size.
enum LoopbackClient {
    static let answerBytesMax = 64 * 1024

    /// Connects, sends `request`, and returns what came until `isComplete` says so, the peer closes, or the time is over.
    /// Nil if nobody answers there.
    static func exchange(
        host: String, port: Int, request: String, timeoutMilliseconds: Int, isComplete: (String) -> Bool = { _ in false }
    ) -> String? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port).bigEndian)
        guard inet_pton(AF_INET, host == "0.0.0.0" ? "127.0.0.1" : host, &address.sin_addr) == 1 else { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // SO_SNDTIMEO bounds connect() as well.
        var limit = timeval(tv_sec: timeoutMilliseconds / 1000, tv_usec: timeoutMilliseconds % 1000 * 1000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return nil }
        let bytes = Array(request.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while answer.count < answerBytesMax {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            answer += chunk[..<count]
            if isComplete(String(decoding: answer, as: UTF8.self)) { break }
        }
        return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
    }

    /// GET over HTTP/1.1: the status and the body, or nil if there is no HTTP answer.
    static func get(host: String, port: Int, path: String, timeoutMilliseconds: Int = 1000) -> (status: Int, body: String)? {
        let request = "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n\r\n"
        guard let answer = exchange(host: host, port: port, request: request, timeoutMilliseconds: timeoutMilliseconds),
            answer.hasPrefix("HTTP/1.1 "), let status = Int(answer.dropFirst(9).prefix(3))
        else { return nil }
        let body = answer.range(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
        return (status, body)
    }
}
