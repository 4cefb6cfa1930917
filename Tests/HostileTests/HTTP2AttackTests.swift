import Foundation
import Testing

/// Sends pieces until the gateway closes; returns whether it did, and whether a GOAWAY with an error came.
private func flood(_ port: Int, pieces: Int, _ piece: (Int) -> [UInt8]) throws -> (isClosed: Bool, isToldWhy: Bool) {
    let socket = try RawSocket(port)
    socket.send(HTTP2Frame.preface + HTTP2Frame.settings)
    for number in 0..<pieces where !socket.send(piece(number)) { break }
    guard let bytes = socket.receiveToEnd() else { return (false, false) }
    var isToldWhy = false
    _ = HTTP2Frame.scan(bytes) { type, _, payload in
        if type == 7, payload.last != 0 { isToldWhy = true }
    }
    return (true, isToldWhy)
}

extension Attacks {
    @Test("rapid resets close the connection")
    func rapidReset() async throws {
        try await Cluster.attack { cluster in
            let outcome = try flood(cluster.port, pieces: 200) { number in
                (0..<200).flatMap { part in
                    let stream = UInt32(number * 200 + part) * 2 + 1
                    return HTTP2Frame.get(stream, "/api/v2/affiliates/1/network?limit=1000")
                        + HTTP2Frame.make(3, 0, stream, [0, 0, 0, 8])
                }
            }
            #expect(outcome.isClosed)
            _ = try wait("the end of abandoned requests", seconds: 5) {
                try cluster.metric("gateway_live_requests") <= 1 ? true : nil
            }
        }
    }

    @Test("headers continued for ever close the connection")
    func continuationFlood() async throws {
        try await Cluster.attack { cluster in
            let outcome = try flood(cluster.port, pieces: 2000) { number in
                number == 0
                    ? HTTP2Frame.make(1, 1, 1, HTTP2Frame.block("GET", "/"))
                    : HTTP2Frame.make(9, 0, 1, [0, 1, 0x78, 100] + [UInt8](repeating: 0x61, count: 100))
            }
            #expect(outcome.isClosed)
        }
    }

    @Test("floods of SETTINGS and PING from a client that reads nothing are bounded", arguments: [4, 6] as [UInt8])
    func acknowledgementFlood(type: UInt8) async throws {
        try await Cluster.attack { cluster in
            let before = cluster.gateway.residentBytes
            let socket = try RawSocket(cluster.port, timeoutSeconds: 1, receiveBytes: 4096)
            socket.send(HTTP2Frame.preface + HTTP2Frame.settings)
            let frame = HTTP2Frame.make(type, 0, 0, type == 6 ? [UInt8](repeating: 1, count: 8) : [])
            let piece = [[UInt8]](repeating: frame, count: 1000).flatMap { $0 }
            for _ in 0..<500 where !socket.send(piece) { break }
            #expect(cluster.gateway.residentBytes - before < 64 << 20)
        }
    }

    @Test("headers that unpack to many times their size are refused, and not held")
    func headerBomb() async throws {
        try await Cluster.attack { cluster in
            let before = cluster.gateway.residentBytes
            let socket = try RawSocket(cluster.port)
            socket.send(HTTP2Frame.preface + HTTP2Frame.wideOpen)
            var block =
                HTTP2Frame.block("GET", "/ready") + [0x40, 1, 0x78, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x61, count: 4000)
            block += [UInt8](repeating: 0xbe, count: 16_384 - block.count)
            socket.send(HTTP2Frame.make(1, 5, 1, block))
            for number in 1..<100 {
                let repeated = HTTP2Frame.block("GET", "/ready") + [UInt8](repeating: 0xbe, count: 16_000)
                guard socket.send(HTTP2Frame.make(1, 5, UInt32(number) * 2 + 1, repeated)) else { break }
            }
            #expect(cluster.gateway.residentBytes - before < 64 << 20)
        }
    }

    @Test("very many streams on one connection are all answered")
    func manyStreams() async throws {
        let wanted = ProcessInfo.processInfo.environment["FATURE_TEST_STREAMS"].flatMap { Int($0) } ?? 200_000
        try await Cluster.attack { cluster in
            let socket = try RawSocket(cluster.port)
            socket.send(HTTP2Frame.preface + HTTP2Frame.wideOpen)
            var opened = 0
            var answered = 0
            var errors = 0
            var received: [UInt8] = []
            let block = HTTP2Frame.block("HEAD", "/ready")
            while answered < wanted {
                var output: [UInt8] = []
                while opened < wanted, opened - answered < 200 {
                    output += HTTP2Frame.make(1, 5, UInt32(opened) * 2 + 1, block)
                    opened += 1
                }
                if !output.isEmpty { try #require(socket.send(output)) }
                guard case .bytes(let bytes) = socket.receive() else {
                    throw ClusterError("the gateway fell silent after \(answered) streams")
                }
                received += bytes
                let taken = HTTP2Frame.scan(received) { type, flags, _ in
                    if type == 1, flags & 1 != 0 { answered += 1 }
                    if type == 3 || type == 7 { errors += 1 }
                }
                received.removeFirst(taken)
                try #require(errors == 0, "after \(answered) answers")
            }
            #expect(answered == wanted)
        }
    }

    // The longest: it waits for the patience of the gateway to end.
    @Test("large answers that nobody reads are bounded in memory, and their connections closed in time")
    func slowReader() async throws {
        try await Cluster.attack { cluster in
            let before = cluster.gateway.residentBytes
            let request = "GET /api/v2/affiliates/1/network?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
            var sockets: [RawSocket] = []
            for number in 0..<12 {
                let socket = try RawSocket(cluster.port, timeoutSeconds: 1, receiveBytes: 4096)
                if number % 3 == 0 {
                    socket.send(String(repeating: request, count: 300))
                } else {
                    // With room for all answers, or with none at all.
                    socket.send(
                        HTTP2Frame.preface
                            + (number % 3 == 1 ? HTTP2Frame.wideOpen : HTTP2Frame.make(4, 0, 0, [0, 4, 0, 0, 0, 0])))
                    for stream in 0..<200 {
                        socket.send(HTTP2Frame.get(UInt32(stream) * 2 + 1, "/api/v2/affiliates/1/network?limit=1000"))
                    }
                }
                sockets.append(socket)
            }
            let start = Date()
            var most = 0
            _ = try wait("the slots of clients that do not read", seconds: 40) {
                most = max(most, cluster.gateway.residentBytes - before)
                return try cluster.metric("gateway_live_requests") <= 210 && -start.timeIntervalSinceNow > 19 ? true : nil
            }
            _ = try wait("the slots of streams without a window", seconds: 20) {
                try cluster.metric("gateway_live_requests") <= 1 ? true : nil
            }
            #expect(most < 700 << 20, "\(most >> 20) MiB")
            sockets.removeAll()
        }
    }
}
