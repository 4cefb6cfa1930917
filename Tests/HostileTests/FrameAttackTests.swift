import Core
import Foundation
import Frames
import PostgresClient
import Store
import Synchronization
import TestServers
import Testing

private func frame(_ code: UInt8, shard: UInt16, requestID: UInt64 = 1, word: UInt32 = 0, fields: [UInt8]) -> [UInt8] {
    let out = ByteBuilder()
    let start = out.beginFrame(FrameHeader(code: code, shard: shard, requestID: requestID, word: word))
    fields.withUnsafeBytes { out.append($0) }
    out.endFrame(start)
    return Array(out.bytes)
}

extension Attacks {
    @Test("a worker refuses frames that make no sense and closes on those that are none")
    func workerFrames() async throws {
        try await Cluster.attack { cluster in
            var random = SystemRandomNumberGenerator()
            for port in cluster.workerPorts {
                for bytes in [[0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], [16, 0, 0, 0, 9], Array("GET / HTTP/1.1\r\n\r\n".utf8)]
                    as [[UInt8]]
                {
                    let socket = try RawSocket(port)
                    socket.send(bytes)
                    #expect(socket.receiveToEnd() == [], "\(bytes)")
                }
                // Plausible headers with fields at random, for every operation and for shards that are there, are not, and all.
                let socket = try RawSocket(port)
                var sent = 0
                for operation in UInt8(0)...12 where !(7...9).contains(operation) {
                    for shard in [0, 1, 255, 256, 0xfffe, 0xffff] as [UInt16] {
                        for length in [0, 1, 5, 16, 26, 42, 43, 200] {
                            let fields = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                            #expect(socket.send(frame(operation, shard: shard, word: .max, fields: fields)))
                            sent += 1
                        }
                    }
                }
                // Changes whose fields are cut short reach no database.
                for operation in UInt8(7)...9 { socket.send(frame(operation, shard: 1, fields: [0, 0, 0, 0])) }
                socket.send(frame(Operation.statistics.rawValue, shard: 0xffff, requestID: 99, fields: []))
                var received: [UInt8] = []
                var isAnswered = false
                while !isAnswered, case .bytes(let bytes) = socket.receive() {
                    received += bytes
                    try received.withUnsafeBytes { raw in
                        var scanner = FrameScanner(raw)
                        while let (header, _) = try scanner.next() {
                            if header.requestID == 99, header.code == Outcome.binary.rawValue { isAnswered = true }
                        }
                    }
                }
                #expect(isAnswered, "after \(sent) strange frames a good one is answered")
            }
        }
    }

    @Test("a transaction with a date that no calendar has is refused, and ends no worker")
    func earliestDate() async throws {
        try await Cluster.attack { cluster in
            let connection = try PostgresConnection(
                try PostgresConfiguration(url: cluster.databaseURL, applicationName: "hostile"))
            let shard = UInt16(
                try connection.execute("SELECT shard_id FROM fature_v2.affiliates_optimized WHERE affiliate_id = 1").int(0, 0))
            let code = Array(try Programme.currency(on: connection).utf8)
            let currency = try #require(code.withUnsafeBytes { Currency($0) })
            for date in [Int64.min, .min + 1, -8_500_000_000_000_000_000, -1] as [Int64] {
                var outcomes: [TransactionReceipt.Outcome] = []
                for port in cluster.workerPorts {
                    let facts = ByteBuilder()
                    var text = "dated \(date)"
                    text.withUTF8 { id in
                        facts.appendTransactionFacts(
                            affiliate: 1, type: .deposit, amountMinor: 1000, winningsMinor: 0,
                            eligibility: TransactionOrder.eligibilityAsUsual, dateMicroseconds: date, currency: currency,
                            externalID: UnsafeRawBufferPointer(id), metadata: nil)
                    }
                    let fields = ByteBuilder()
                    fields.appendInteger(UInt32(1))
                    fields.appendTransactionOrder(shard: shard, sequence: 0, facts: facts.bytes)
                    let socket = try RawSocket(port)
                    socket.send(
                        frame(
                            Operation.accept.rawValue, shard: ShardSet.allShards, word: 5_000_000, fields: Array(fields.bytes)))
                    var received: [UInt8] = []
                    var receipt: TransactionReceipt?
                    while receipt == nil, case .bytes(let bytes) = socket.receive() {
                        received += bytes
                        receipt = try received.withUnsafeBytes { raw in
                            var scanner = FrameScanner(raw)
                            guard let (_, reader) = try scanner.next() else { return nil }
                            var fields = reader
                            return TransactionReceipt(from: &fields)
                        }
                    }
                    outcomes.append(try #require(receipt).outcome)
                }
                #expect(outcomes.contains(.malformed), "of \(date): \(outcomes)")
            }
        }
    }

    @Test("a worker that stands still costs its requests a bounded time, and comes back")
    func stalledWorker() async throws {
        try await Cluster.attack { cluster in
            for worker in cluster.workers { try worker.freeze() }
            defer { for worker in cluster.workers { worker.signal(SIGCONT) } }
            for _ in 0..<3 {
                let start = Date()
                let answer = try HTTP1.get(cluster.port, "/api/v2/affiliates/1")
                #expect([503, 504].contains(answer?.status))
                #expect(-start.timeIntervalSinceNow < 4)
            }
            for worker in cluster.workers { worker.signal(SIGCONT) }
            try cluster.check(seconds: 30)
        }
    }

    @Test("a worker that lies is not believed, and one that sends no frames is left")
    func lyingWorker() async throws {
        try await Cluster.attack { cluster in
            let liar = try LyingWorker()
            let database = "\(cluster.databaseURL)_liar"
            let name = database.split(separator: "/").last.map(String.init) ?? ""
            _ = try PostgresConnection(try PostgresConfiguration(url: cluster.databaseURL, applicationName: "hostile"))
                .execute("CREATE DATABASE \(name)")
            let connection = try PostgresConnection(try PostgresConfiguration(url: database, applicationName: "hostile"))
            _ = try Schema.migrate(connection)
            let instance = try connection.execute(
                """
                INSERT INTO fature_v2.worker_lease (name, address, capacity, version, expires_at)
                VALUES ('liar', $1, 1, '0', clock_timestamp() + interval '1 hour') RETURNING instance_id
                """, [.text("127.0.0.1:\(liar.port)")])
            _ = try connection.execute("UPDATE fature_v2.shard SET owner = $1, epoch = 1", [.int(try instance.int(0, 0))])
            _ = try connection.execute("SELECT fature_v2.bump_topology()")
            let gateway = try Role(
                "gateway-liar", ["gateway", "--listen-port", "0", "--stop-on-stdin-close"], databaseURL: database,
                folder: cluster.folder)
            defer { gateway.end() }
            let port = try gateway.listeningPort()
            _ = try wait("the gateway at the lying worker\n\(gateway.output)", seconds: 10) {
                try HTTP1.get(port, "/health")?.body.contains("\"reachable\":256") == true ? true : nil
            }
            for lie in LyingWorker.lies {
                liar.lie.withLock { $0 = lie }
                _ = try wait("the gateway's connection", seconds: 10) {
                    try HTTP1.get(port, "/health")?.body.contains("\"reachable\":256") == true ? true : nil
                }
                for path in ["/api/v2/stats", "/api/v2/rankings"] {
                    let answer = try HTTP1.get(port, path)
                    #expect(
                        (500...504).contains(answer?.status ?? 0),
                        "\(lie.name) for \(path): \(answer.map { "\($0)" } ?? "nothing")")
                    #expect(gateway.isRunning, "\(lie.name)\n\(gateway.output.suffix(2000))")
                }
            }
        }
    }
}

/// Takes a gateway's frames and answers each with the lie of the moment.
private final class LyingWorker: Sendable {
    struct Lie: Sendable {
        let name: String
        /// Bytes for one request.
        let bytes: @Sendable (FrameHeader) -> [UInt8]
    }

    let port: Int
    let lie = Mutex(LyingWorker.lies[0])
    private let descriptor: Int32

    private static func statistics(_ change: (inout ShardStatistics) -> Void) -> [UInt8] {
        let out = ByteBuilder()
        ShardSet.all.write(to: out)
        out.appendInteger(UInt32(256))
        for shard in 0..<256 {
            var one = ShardStatistics(
                shard: UInt16(shard), epoch: 1, sequence: 0, affiliates: 1, roots: 1, byStatus: [1, 0, 0, 0], byLevel: [1],
                structureBytes: 1, profileBytes: 1)
            change(&one)
            one.write(to: out)
        }
        return Array(out.bytes)
    }

    private static func reply(_ name: String, _ outcome: UInt8, word: UInt32 = 0, _ fields: [UInt8]) -> Lie {
        Lie(name: name) { frame(outcome, shard: $0.shard, requestID: $0.requestID, word: word, fields: fields) }
    }

    static let lies: [Lie] = [
        reply("a body of status 0", 0, word: 0, [0x7b, 0x7d]),
        reply("a body of status 70000", 0, word: 70_000, []),
        reply("an unknown outcome", 77, []),
        reply("an unknown problem", 2, word: 1000, []),
        reply("a problem without text", 2, word: 1, []),
        reply("elsewhere, in a shard that is not there", 4, [0xff, 0xff] + [UInt8](repeating: 0, count: 8)),
        reply("elsewhere, cut short", 4, [1]),
        reply("moved, cut short", 5, [1]),
        reply("moved, to nobody", 5, [UInt8](repeating: 0, count: 16)),
        reply("not yet, for ever", 6, []),
        reply("an empty part", 1, []),
        reply("a part of 4 billion lines", 1, [UInt8](repeating: 0xff, count: 36)),
        reply("a shard that is not there", 1, statistics { $0.shard = 60_000 }),
        reply("counts that overflow", 1, statistics { $0.affiliates = .max }),
        reply("levels that overflow", 1, statistics { $0.byLevel = [.max, .max] }),
        reply("five statuses too few", 1, statistics { $0.byStatus = [] }),
        Lie(name: "a frame that is too long") { _ in [0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0] },
        Lie(name: "a frame of another version") { _ in [16, 0, 0, 0, 200] },
        Lie(name: "HTTP") { _ in Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) },
    ]

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) | listen(listener, 16) | getsockname(listener, $0, &length)
            }
        }
        guard status == 0 else { throw ClusterError("no port for the lying worker: error \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        descriptor = listener
        Thread.detachNewThread { [self] in
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                Thread.detachNewThread { self.serve(peer) }
            }
        }
    }

    private func serve(_ peer: Int32) {
        defer { close(peer) }
        var waiting: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(peer, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            waiting += chunk[..<count]
            var headers: [FrameHeader] = []
            let consumed = waiting.withUnsafeBytes { raw -> Int in
                var scanner = FrameScanner(raw)
                do {
                    while let (header, _) = try scanner.next() { headers.append(header) }
                } catch { return raw.count }
                return scanner.consumed
            }
            waiting.removeFirst(consumed)
            for header in headers {
                let bytes = lie.withLock { $0 }.bytes(header)
                guard send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return }
            }
        }
    }
}
