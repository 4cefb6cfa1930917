import Foundation
import Testing

extension Attacks {
    @Test("hundreds of clients that vanish in mid-flight, again and again, leave nothing behind")
    func abortStorm() async throws {
        try await Cluster.attack { cluster in
            let paths = [
                "/api/v2/affiliates/1/network?limit=1000", "/nowhere", "/api/v2/affiliates/2", "/api/v2/stats", "/metrics",
            ]
            for round in 0..<10 {
                var sockets: [RawSocket] = []
                for number in 0..<60 {
                    let socket = try RawSocket(cluster.port)
                    let path = paths[number % paths.count]
                    switch number % 4 {
                    case 0: socket.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                    case 1: socket.send("POST /api/v2/affiliates HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"")
                    case 2:
                        socket.send(
                            HTTP2Frame.preface + HTTP2Frame.settings + HTTP2Frame.get(1, path) + HTTP2Frame.get(3, "/ready"))
                    default: socket.send(HTTP2Frame.preface + HTTP2Frame.settings + HTTP2Frame.get(1, path).dropLast(3))
                    }
                    if (number + round) % 3 != 0 { socket.abort() }
                    sockets.append(socket)
                }
                // Half of them give the gateway the time to answer, the others do not.
                if round % 2 == 0 { usleep(3000) }
                sockets.removeAll()
            }
            _ = try wait("the end of all aborted connections", seconds: 10) {
                try cluster.metric("gateway_open_connections") <= 1 && cluster.metric("gateway_live_requests") <= 1 ? true : nil
            }
        }
    }

    @Test("garbage as the first bytes is refused or closed at once, and holds no connection")
    func garbage() async throws {
        try await Cluster.attack { cluster in
            var random = SystemRandomNumberGenerator()
            for number in 0..<100 {
                let socket = try RawSocket(cluster.port)
                var bytes = (0..<Int.random(in: 1..<500, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                if number % 5 == 0 { bytes = HTTP2Frame.preface + bytes }
                if number % 5 == 1 { bytes = Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8) + bytes }
                if number % 5 == 2 { bytes = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + bytes }
                socket.send(bytes)
                socket.shutDownSending()
                #expect(socket.receiveToEnd() != nil, "\(bytes.prefix(40))")
            }
        }
    }

    @Test("connections that say nothing, or half a word, cost nothing and keep nobody else out")
    func halfOpen() async throws {
        try await Cluster.attack { cluster in
            var sockets: [RawSocket] = []
            for number in 0..<200 {
                let socket = try RawSocket(cluster.port)
                socket.send(["", "P", "PRI * HT", "GET / HTTP/1.1\r\nHost:", "PRI * HTTP/2.0\r\n\r\nSM\r\n"][number % 5])
                sockets.append(socket)
            }
            try cluster.check()
            // Silent ones lose their connection after ten seconds; not waited for here (`ClientPatience.greeting`).
            #expect(try cluster.metric("gateway_open_connections") > 100)
        }
    }

    @Test("what is too large over HTTP/1.1 is refused with its status, and the connection closes")
    func oversize() async throws {
        try await Cluster.attack { cluster in
            func status(_ request: [UInt8]) throws -> Int? {
                let socket = try RawSocket(cluster.port)
                socket.send(request)
                return socket.receiveToEnd().flatMap(HTTP1.answer)?.status
            }
            let target = "GET /" + String(repeating: "a", count: 5000) + " HTTP/1.1\r\nHost: x\r\n\r\n"
            #expect(try status(Array(target.utf8)) == 414)
            let headers = (0..<20).map { "x-\($0): " + String(repeating: "v", count: 1000) + "\r\n" }.joined()
            #expect(try status(Array("GET /ready HTTP/1.1\r\nHost: x\r\n\(headers)\r\n".utf8)) == 431)
            let huge = String(repeating: "h", count: 200_000)
            let refused = try status(Array("GET /ready HTTP/1.1\r\nHost: x\r\nx: \(huge)\r\n\r\n".utf8))
            #expect([400, 431, nil].contains(refused), "the parser has a limit of its own")
            #expect(
                try status(Array("POST /api/v2/affiliates HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n".utf8)) == 413)
            let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 0x20, count: 65536) + Array("\r\n".utf8)
            var chunked = Array("POST /api/v2/affiliates HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            for _ in 0..<40 { chunked += chunk }
            #expect(try status(chunked) == 413)
            let oversizeChange =
                "POST /api/v2/affiliates HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 70000\r\n\r\n"
            #expect(try status(Array(oversizeChange.utf8) + [UInt8](repeating: 0x20, count: 70_000)) == 413)
            #expect(
                try status(
                    Array("GET /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
                    != 200)
        }
    }

    @Test("thousands of pipelined requests are answered one after the other, each once")
    func pipeline() async throws {
        try await Cluster.attack { cluster in
            let socket = try RawSocket(cluster.port)
            let count = 5000
            let request = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
            let last = "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let bytes = Array((String(repeating: request, count: count) + last).utf8)
            let descriptor = socket.descriptor
            // The socket is alive until the answers are all there.
            Thread.detachNewThread {
                var at = 0
                while at < bytes.count {
                    let sent = bytes[at...].withUnsafeBytes {
                        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard sent > 0 else { return }
                    at += sent
                }
            }
            let text = String(decoding: try #require(socket.receiveToEnd()), as: UTF8.self)
            #expect(text.components(separatedBy: "HTTP/1.1 404 ").count == count + 1)
            #expect(text.components(separatedBy: "HTTP/1.1 200 ").count == 2)
        }
    }
}

/// One at a time: each wants the gateway for itself.
@Suite("Hostile peers", .serialized)
struct Attacks {}
