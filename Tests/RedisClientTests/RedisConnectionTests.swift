import Glibc
import RedisClient
import TestServers
import Testing

@Suite struct RedisConnectionTests {
    @Test("any bytes come back unchanged, as key and as value, empty ones and large ones too")
    func binarySafe() async throws {
        let redis = try await PrivateRedis.shared().connect(database: 1)
        let values: [[UInt8]] = [
            [], [0], Array(0...255), Array("\r\n$3\r\nSET\r\n".utf8), [UInt8](repeating: 7, count: 3_000_000),
        ]
        for value in values {
            let key = RedisArgument.bytes([0, 13, 10] + value.prefix(10))
            try redis.command("SET", key, .bytes(value))
            #expect(try redis.command("GET", key) == .bytes(value))
        }
        #expect(try redis.command("GET", "nothing").isNull)
        #expect(try redis.command("GET", "nothing").optionalText() == nil)
    }

    @Test("every kind of reply is told apart")
    func replies() async throws {
        let redis = try await PrivateRedis.shared().connect(database: 2)
        #expect(try redis.command("PING") == .status("PONG"))
        #expect(try redis.command("SET", "n", .int(.max)).text() == "OK")
        #expect(try redis.command("GET", "n").integerValue() == .max)
        #expect(try redis.command("DECR", "n") == .integer(.max - 1))
        #expect(try redis.command("MGET", "n", "missing") == .array([.bytes(Array(String(Int64.max - 1).utf8)), .null]))
        #expect(
            try redis.command("EVAL", "return {1, {'a', {2}}, false}", "0")
                == .array([.integer(1), .array([.bytes([97]), .array([.integer(2)])]), .null]))
        #expect { _ = try redis.command("PING").arrayValue() } throws: { ($0 as? RedisError)?.code == .value }
    }

    @Test("an error answer has its code and leaves the connection usable; in a pipeline it is one of the answers")
    func errors() async throws {
        let redis = try await PrivateRedis.shared().connect(database: 3)
        try redis.command("SET", "s", "x")
        let error = #expect(throws: RedisError.self) { try redis.command("LPUSH", "s", "y") }
        #expect(error?.code == .server)
        #expect(error?.serverCode == "WRONGTYPE")
        let replies = try redis.pipeline([["SET", "a", 1], ["LPUSH", "a", "y"], ["INCR", "a"]])
        #expect(replies.count == 3)
        #expect(replies[0] == .status("OK"))
        guard case .error(let text) = replies[1] else { throw error ?? RedisError(.value, "no error") }
        #expect(text.hasPrefix("WRONGTYPE"))
        #expect(replies[2] == .integer(2))
        #expect(throws: RedisError.self) { try redis.command([]) }
        #expect(redis.isUsable)
    }

    @Test("a long pipeline with large answers does not block both sides")
    func longPipeline() async throws {
        let redis = try await PrivateRedis.shared().connect(database: 4)
        let value = [UInt8](repeating: 65, count: 20_000)
        let replies = try redis.pipeline((0..<2000).map { _ in ["ECHO", .bytes(value)] }, timeoutMilliseconds: 30_000)
        #expect(replies.count == 2000)
        #expect(replies.allSatisfy { $0 == .bytes(value) })
    }

    @Test("a command whose time is over ends in time; the late answer is never taken for another command's")
    func timeout() async throws {
        let redis = try await PrivateRedis.shared().connect(database: 5)
        let start = ContinuousClock.now
        #expect { try redis.command("BLPOP", "never", 30, timeoutMilliseconds: 100) } throws: {
            ($0 as? RedisError)?.code == .timedOut
        }
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(!redis.isUsable)
        #expect { try redis.command("PING") } throws: { ($0 as? RedisError)?.code == .connectionLost }
        try redis.reconnect()
        #expect(try redis.command("ECHO", "mine").text() == "mine")
    }

    @Test("an answer past the limit is refused, not held in memory")
    func replyLimit() async throws {
        let server = try await PrivateRedis.shared()
        let redis = try RedisConnection(try RedisConfiguration(url: server.url(database: 6), replyBytesMax: 100_000))
        try redis.command("SETRANGE", "big", 1_000_000, "x")
        #expect { try redis.command("GET", "big") } throws: { ($0 as? RedisError)?.code == .replyTooLarge }
        #expect(!redis.isUsable)
    }

    @Test("a server that goes away is noticed, and reconnect works once it is back")
    func restart() async throws {
        let server = try await PrivateRedis.start(durable: true)
        let redis = try server.connect()
        try redis.command("SET", "kept", "yes")
        #expect(redis.isUsable)
        try await server.stop()
        #expect(!redis.isUsable)
        #expect { try redis.command("GET", "kept") } throws: { ($0 as? RedisError)?.isConnectionFailure == true }
        #expect { try redis.reconnect() } throws: { ($0 as? RedisError)?.code == .cannotConnect }
        try await server.restart()
        try redis.reconnect()
        #expect(try redis.command("GET", "kept").text() == "yes")
        try await server.kill()
        #expect(throws: RedisError.self) { for _ in 0..<2 { try redis.command("PING") } }
    }

    @Test("wrong password, no password, closed port and silent host give the right code fast, and no password in any text")
    func connectFailures() async throws {
        let server = try await PrivateRedis.shared()
        let start = ContinuousClock.now
        for (url, code) in [
            ("redis://:hunter2@127.0.0.1:\(server.port)/0", RedisError.Code.accessRefused),
            ("redis://127.0.0.1:\(server.port)", .accessRefused),
            ("redis://:\(server.password)@127.0.0.1:\(server.port)/999", .accessRefused),
            ("redis://:hunter2@127.0.0.1:1", .cannotConnect),
            ("redis://:hunter2@host.invalid", .cannotConnect),
            ("redis//:hunter2@host", .usage), ("redis://:hunter2@host:port", .usage), ("redis://:hunter2%zz@host", .usage),
            ("redis://:hunter2@host/db", .usage), ("redis://:hunter2@", .usage),
        ] {
            #expect { _ = try RedisConnection(try RedisConfiguration(url: url)) } throws: {
                ($0 as? RedisError)?.code == code && !"\($0)".contains("hunter2") && !"\($0)".contains(server.password)
            }
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        let configuration = try RedisConfiguration(url: "redis://me:hunter%32@[::1]:7000/3")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect("\(configuration)" == "::1:7000/3")
        #expect(!dumped.contains("hunter") && !String(reflecting: configuration).contains("hunter"))
    }
}
