import TestServers
import Testing

@testable import RedisClient

@Suite struct RedisReaderTests {
    private func read(_ text: String, pieces: [Int] = [], max: Int = 1_000) throws -> [RedisReply] {
        try read(Array(text.utf8), pieces: pieces, max: max)
    }

    private func read(_ bytes: [UInt8], pieces: [Int] = [], max: Int = 1_000) throws -> [RedisReply] {
        var reader = RedisReader(answerBytesMax: max)
        var start = 0
        for end in pieces + [bytes.count] {
            try bytes[start..<end].withUnsafeBytes { try reader.feed($0) }
            start = end
        }
        let replies = reader.take()
        return replies.roots.map { replies.reply($0) }
    }

    @Test("each kind of answer is read")
    func kinds() throws {
        #expect(
            try read("+OK\r\n-ERR no\r\n:42\r\n:-9223372036854775808\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n") == [
                .status("OK"), .error("ERR no"), .integer(42), .integer(.min), .null, .null, .bytes([]), .array([]),
            ])
        #expect(
            try read("*3\r\n*2\r\n:1\r\n*0\r\n$4\r\na\r\nb\r\n*1\r\n*1\r\n$-1\r\n+\r\n") == [
                .array([.array([.integer(1), .array([])]), .bytes(Array("a\r\nb".utf8)), .array([.array([.null])])]), .status(""),
            ])
    }

    @Test("places lead from element to element, past nested arrays")
    func places() throws {
        var reader = RedisReader(answerBytesMax: 1_000)
        try Array(":7\r\n*3\r\n*2\r\n:1\r\n*0\r\n$2\r\nab\r\n-no\r\n".utf8).withUnsafeBytes { try reader.feed($0) }
        #expect(reader.count == 2 && reader.isAtEnd)
        let replies = reader.take()
        #expect(replies.integer(replies.roots[0]) == 7 && replies.count(replies.roots[0]) == nil)
        let root = replies.roots[1]
        #expect(replies.count(root) == 3 && replies.count(root + 1) == 2)
        let second = replies.after(root + 1)
        #expect(replies.range(second).map { Array(replies.bytes[$0]) } == Array("ab".utf8))
        #expect(replies.error(replies.after(second)) == "no" && replies.error(second) == nil)
    }

    @Test("an answer in pieces is the same as in one, wherever it is cut")
    func pieces() throws {
        let text = "*4\r\n$5\r\nhe\r\no\r\n:-12\r\n*2\r\n+fine\r\n-ERR x y\r\n$-1\r\n:5\r\n*1\r\n$3\r\nabc\r\n"
        let whole = try read(text)
        #expect(whole.count == 3)
        for first in 0...text.utf8.count {
            for second in stride(from: first, through: text.utf8.count, by: 3) {
                #expect(try read(text, pieces: [first, second]) == whole)
            }
        }
        #expect(try read(text, pieces: Array(0..<text.utf8.count)) == whole)
    }

    @Test(
        "what is not Redis' protocol is refused",
        arguments: [
            "HTTP/1.1 200 OK\r\n", "$3\r\nabcd\r\n", "$-2\r\n", "*-2\r\n", ":\r\n", ":1x\r\n", ":9223372036854775808\r\n",
            "+a\rb\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "$123456789012345678901234\r\n",
        ])
    func violations(text: String) {
        for pieces in [[], Array(0..<text.utf8.count)] {
            let error = #expect(throws: RedisError.self) { try read(text, pieces: pieces) }
            #expect(error?.code == .protocolViolation)
        }
    }

    @Test("an answer past its limit is refused before it is there; several that are within it are not")
    func limits() throws {
        for text in [
            "$1001\r\n", "*100000\r\n",
            "*2\r\n$900\r\n" + String(repeating: "x", count: 900) + "\r\n$900\r\n" + String(repeating: "x", count: 200),
        ] {
            let error = #expect(throws: RedisError.self) { try read(text) }
            #expect(error?.code == .replyTooLarge)
        }
        let many = String(repeating: "$900\r\n\(String(repeating: "x", count: 900))\r\n", count: 20)
        #expect(try read(many).count == 20)
    }

    @Test("random bytes are read or refused, in pieces as in one")
    func random() {
        var random = SeededGenerator(seed: 11)
        let alphabet = Array("+-:$*0123456789\r\n\r\n\r\nab".utf8)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            if Bool.random(using: &random) { bytes = Array("*3\r\n:1\r\n$2\r\n".utf8) + bytes }
            let whole = try? read(bytes)
            let pieces = bytes.isEmpty ? [] : (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect((try? read(bytes, pieces: pieces)) == whole)
        }
    }

    @Test("commands are encoded with the lengths of their arguments")
    func commands() {
        let commands = RedisCommands()
        commands.begin(arguments: 6)
        commands.append("SET")
        commands.append(text: "é")
        commands.append([UInt8(0), 13, 10][...])
        commands.append(-12)
        commands.append { $0.append("in place") }
        commands.append(byteCount: 2) { $0.append("xy") }
        #expect(commands.isComplete && commands.count == 1)
        let text = "*6\r\n$3\r\nSET\r\n$2\r\né\r\n$3\r\n\0\r\n\r\n$3\r\n-12\r\n$8\r\nin place\r\n$2\r\nxy\r\n"
        #expect(commands.bytes.elementsEqual(text.utf8))
        commands.begin(RedisScript(source: []), keys: 1, arguments: 1)
        commands.append("k")
        #expect(!commands.isComplete)
        commands.append("a")
        #expect(commands.isComplete && commands.count == 2)
        commands.removeAll()
        #expect(commands.byteCount == 0 && commands.count == 0)
    }
}
