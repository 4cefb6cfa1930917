import Foundation
import Glibc

/// What a gateway answered.
package struct HTTPAnswer: Sendable {
    package var status: Int
    /// Names in lower case.
    package var headers: [String: String]
    package var body: Data
    package var milliseconds: Double

    package var text: String { String(decoding: body, as: UTF8.self) }

    package func decode<T: Decodable>(_ type: T.Type) throws -> T {
        do {
            return try JSONDecoder().decode(type, from: body)
        } catch {
            throw HTTPFailure("the body is not a \(type): \(text.prefix(300))")
        }
    }
}

/// No answer came, or none that is HTTP.
package struct HTTPFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// One HTTP/1.1 connection, kept alive, over a plain socket: nothing of ours between the test and the wire.
///
/// Belongs to one thread at a time. A connection that breaks is opened anew by the next request; a request is never repeated.
package final class HTTPClient {
    private let host: String
    private let port: Int
    private let timeoutMilliseconds: Int
    private var descriptor: Int32 = -1
    private var received: [UInt8] = []

    /// - Parameter host: an IPv4 address.
    package init(host: String = "127.0.0.1", port: Int, timeoutMilliseconds: Int = 10_000) {
        self.host = host
        self.port = port
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    deinit { disconnect() }

    package func get(_ path: String) throws -> HTTPAnswer { try ask("GET", path) }

    /// Sends a request with a JSON body.
    package func send(_ method: String, _ path: String, _ fields: [String: Any?]) throws -> HTTPAnswer {
        let object = fields.mapValues { $0 ?? NSNull() }
        return try ask(method, path, body: try JSONSerialization.data(withJSONObject: object))
    }

    /// - Parameter headers: beside `host` and `content-length`.
    package func ask(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: Data = Data()
    ) throws -> HTTPAnswer {
        let started = ContinuousClock.now
        if descriptor < 0 { try connectNow() }
        let more = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        var request = Data("\(method) \(path) HTTP/1.1\r\nhost: test\r\n\(more)content-length: \(body.count)\r\n\r\n".utf8)
        request.append(body)
        do {
            try write(request)
            var answer = try readAnswer(isHead: method == "HEAD")
            let elapsed = (ContinuousClock.now - started).components
            answer.milliseconds = Double(elapsed.seconds) * 1000 + Double(elapsed.attoseconds) / 1e15
            if answer.headers["connection"] == "close" { disconnect() }
            return answer
        } catch {
            disconnect()
            throw error
        }
    }

    package func disconnect() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        received = []
    }

    private func connectNow() throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw HTTPFailure("no socket: error \(errno)") }
        var patience = timeval(tv_sec: timeoutMilliseconds / 1000, tv_usec: timeoutMilliseconds % 1000 * 1000)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let reason = errno
            close(socket)
            throw HTTPFailure("cannot connect to \(host):\(port): error \(reason)")
        }
        descriptor = socket
    }

    private func write(_ data: Data) throws {
        var sent = 0
        while sent < data.count {
            let count = data.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), data.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw HTTPFailure("the request could not be sent: error \(errno)") }
            sent += count
        }
    }

    private func readMore() throws {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else {
            throw HTTPFailure(count == 0 ? "the gateway closed the connection" : "no answer: error \(errno)")
        }
        received += chunk[..<count]
    }

    private func readAnswer(isHead: Bool) throws -> HTTPAnswer {
        var searchFrom = 0
        var headEnd: Int?
        while headEnd == nil {
            headEnd = (searchFrom..<max(searchFrom, received.count - 3)).first {
                received[$0] == 13 && received[$0 + 1] == 10 && received[$0 + 2] == 13 && received[$0 + 3] == 10
            }
            if headEnd == nil {
                searchFrom = max(0, received.count - 3)
                try readMore()
            }
        }
        let end = headEnd ?? 0
        let lines = String(decoding: received[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw HTTPFailure("not HTTP: \(lines[0])")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw HTTPFailure("not a header: \(line)") }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let length = isHead ? 0 : Int(headers["content-length"] ?? "") ?? 0
        while received.count < end + 4 + length { try readMore() }
        let body = Data(received[(end + 4)..<(end + 4 + length)])
        received.removeFirst(end + 4 + length)
        return HTTPAnswer(status: status, headers: headers, body: body, milliseconds: 0)
    }
}
