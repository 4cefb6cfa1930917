import RedisClient
import TestServers
import Testing

@Suite struct RedisScriptTests {
    @Test("a script's name is the SHA-1 of its text")
    func digest() {
        for (text, digest) in [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
            (String(repeating: "0", count: 64), "0114498021cb8c4f1519f96bdf58dd806f3adb63"),
            (String(repeating: "0", count: 55), "8fffd3df3d041baf53b27f42ec802cfb362710bd"),
        ] {
            #expect(RedisScript(source: Array(text.utf8)).digest == digest)
        }
    }

    @Test("a server that does not have a script is given it, in the middle of others too, and each call runs once")
    func fallback() async throws {
        let redis = try await PrivateRedis.shared().connect(database: 7)
        let add = RedisScript(source: Array("return redis.call('INCRBY', KEYS[1], ARGV[1])".utf8))
        let fail = RedisScript(source: Array("return redis.error_reply('NOGOOD of mine')".utf8))
        try redis.command("SCRIPT", "FLUSH")
        #expect(try redis.evaluate(RedisScriptCall(add, keys: ["n"], [5])) == .integer(5))
        #expect(try redis.evaluate(RedisScriptCall(add, keys: ["n"], [5])) == .integer(10))
        let calls = [add, fail, add].map { RedisScriptCall($0, keys: ["n"], [1]) }
        for _ in 0..<2 {
            let replies = try redis.evaluate(calls)
            guard case .error(let text) = replies[1] else { throw RedisError(.value, "no error") }
            #expect(text.hasPrefix("NOGOOD"))
        }
        #expect(try redis.command("GET", "n").integerValue() == 14)
        try redis.command("SCRIPT", "FLUSH")
        #expect(try redis.evaluate(calls).count == 3)
        #expect(try redis.command("GET", "n").integerValue() == 16)
        #expect { try redis.evaluate(RedisScriptCall(fail, keys: [])) } throws: { ($0 as? RedisError)?.serverCode == "NOGOOD" }
    }

    @Test("a server without memory to spare says so to each call of a script that it does not have yet")
    func full() async throws {
        let server = try await PrivateRedis.start()
        let redis = try server.connect()
        let set = RedisScript(source: Array("#!lua\nreturn redis.call('SET', KEYS[1], 'x')".utf8))
        try redis.command("CONFIG", "SET", "maxmemory", "1")
        let replies = try redis.evaluate((0..<3).map { RedisScriptCall(set, keys: [.text("key-\($0)")]) })
        for reply in replies {
            guard case .error(let text) = reply else { throw RedisError(.value, "no error") }
            #expect(RedisConnection.serverCode(text) == "OOM", "\(text)")
        }
    }
}
