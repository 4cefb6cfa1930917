import PostgresClient
import TestServers
import Testing

@Suite struct PostgresCopyTests {
    struct Stop: Error {}
    private static let rows = 1_000_000

    @Test("a million rows go in and come out again, in text and in binary")
    func million() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint, parent bigint)")
        let written = try connection.copyIn("COPY t FROM STDIN") { writer in
            for number in 1...Self.rows { try writer.write("\(number)\t\(number == 1 ? "\\N" : String(number / 2))\n") }
        }
        #expect(written == Self.rows)
        var messages = 0
        var bytes = 0
        let read = try connection.copyOut("COPY t TO STDOUT") { row in
            messages += 1
            bytes += row.count
        }
        #expect(read == Self.rows)
        #expect(messages == Self.rows)
        #expect(
            try connection.execute("SELECT sum(length(id::text) + coalesce(length(parent::text), 2) + 2) FROM t").int(0, 0)
                == Int64(bytes))

        var sum: UInt64 = 0
        var binary: [[UInt8]] = []
        try connection.copyOut("COPY (SELECT id FROM t) TO STDOUT (FORMAT binary)") { row in
            if binary.count < 2 || row.count == 2 { binary.append(Array(row)) }
            guard row.count > 2 else { return }
            // The eight bytes of the one column stand at the end of each message.
            sum &+= row.loadUnaligned(fromByteOffset: row.count - 8, as: UInt64.self).bigEndian
        }
        #expect(sum == UInt64(Self.rows) * UInt64(Self.rows + 1) / 2)
        #expect(binary.map(\.count) == [19 + 14, 14, 2])
        #expect(binary.last == [0xff, 0xff])
    }

    @Test("bytes of any size pass: one write of many megabytes, and a row cut in pieces")
    func writeSizes() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(v text)")
        let long = String(repeating: "x", count: 5_000_000)
        let count = try connection.copyIn("COPY t FROM STDIN") { writer in
            try writer.write(Array("\(long)\n".utf8))
            for piece in ["a", "b", "", "c\n", "d"] { try writer.write(Array(piece.utf8)) }
            try writer.write("\n")
        }
        #expect(count == 3)
        let result = try connection.execute("SELECT length(v), left(v, 3) FROM t ORDER BY 1 DESC")
        #expect(try result.int(0, 0) == 5_000_000)
        #expect(try result.text(1, 1) == "abc")
        #expect(try connection.copyIn("COPY t FROM STDIN") { _ in } == 0)
    }

    @Test("a throw in the middle of copyOut cancels it on the server and comes out, and the connection goes on")
    func readerStops() async throws {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        var seen = 0
        #expect(throws: Stop.self) {
            try connection.copyOut("COPY (SELECT generate_series(1, 100000000)) TO STDOUT") { _ in
                seen += 1
                if seen == 100_000 { throw Stop() }
            }
        }
        #expect(seen == 100_000)
        #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
    }

    @Test("the server ending copyOut in the middle is an error after the rows before it, and the connection goes on")
    func serverStopsReading() async throws {
        let connection = try await TestDatabase.create().connect()
        var seen = 0
        #expect {
            try connection.copyOut("COPY (SELECT 1 / (500000 - i) FROM generate_series(1, 1000000) i) TO STDOUT") { _ in seen += 1
            }
        } throws: { ($0 as? PostgresError)?.sqlState == "22012" }
        #expect(seen == 499_999)
        #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
    }

    @Test("a throw in the middle of copyIn keeps no row and comes out, and the connection goes on")
    func writerStops() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint)")
        #expect(throws: Stop.self) {
            try connection.copyIn("COPY t FROM STDIN") { writer in
                for number in 0..<Self.rows {
                    try writer.write("\(number)\n")
                    if number == Self.rows / 2 { throw Stop() }
                }
            }
        }
        #expect(try connection.execute("SELECT count(*) FROM t").int(0, 0) == 0)
    }

    @Test("a bad row in the middle of copyIn is the server's error with its line, no row is kept, and the connection goes on")
    func serverRefusesRow() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint)")
        #expect {
            try connection.copyIn("COPY t FROM STDIN") { writer in
                for number in 0..<Self.rows { try writer.write(number == Self.rows / 2 ? "none\n" : "\(number)\n") }
            }
        } throws: { ($0 as? PostgresError)?.sqlState == "22P02" && "\($0)".contains("none") }
        #expect(try connection.execute("SELECT count(*) FROM t").int(0, 0) == 0)
        #expect(try connection.copyIn("COPY t FROM STDIN") { try $0.write("1\n") } == 1)
    }

    @Test("the server ending the session in the middle of a COPY is told, both ways")
    func sessionEnds() async throws {
        let database = try await TestDatabase.create()
        let other = try database.connect()
        let connection = try database.connect()
        try connection.executeScript("CREATE TABLE t(id bigint)")
        var written = 0
        let end = { (pid: Int32) in _ = try other.execute("SELECT pg_terminate_backend($1::int, 5000)", [.int(Int64(pid))]) }
        #expect {
            try connection.copyIn("COPY t FROM STDIN") { writer in
                for number in 0..<Self.rows {
                    try writer.write("\(number)\n")
                    written = number
                    if number == 1000 { try end(connection.serverPID) }
                }
            }
        } throws: { ($0 as? PostgresError)?.code == .connectionLost }
        #expect(!connection.isUsable)
        #expect(written < Self.rows / 2)
        try connection.reset()
        var seen = 0
        #expect {
            try connection.copyOut("COPY (SELECT generate_series(1, 100000000)) TO STDOUT") { _ in
                seen += 1
                if seen == 1000 {
                    _ = try other.execute("SELECT pg_terminate_backend($1::int)", [.int(Int64(connection.serverPID))])
                }
            }
        } throws: { ($0 as? PostgresError)?.code == .connectionLost }
        #expect(!connection.isUsable)
    }

    @Test("the wrong call for a statement is refused and the connection goes on")
    func wrongCalls() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE t(id bigint)")
        let isUsage: (any Error) -> Bool = { ($0 as? PostgresError)?.code == .usage }
        #expect(performing: { _ = try connection.execute("COPY t FROM STDIN") }, throws: isUsage)
        #expect(performing: { _ = try connection.execute("COPY (SELECT generate_series(1, 100000)) TO STDOUT") }, throws: isUsage)
        #expect(performing: { try connection.copyOut("SELECT 1") { _ in } }, throws: isUsage)
        #expect(performing: { try connection.copyOut("COPY t FROM STDIN") { _ in } }, throws: isUsage)
        #expect(performing: { try connection.copyIn("COPY t TO STDOUT") { _ in } }, throws: isUsage)
        #expect(
            performing: { try connection.copyIn("COPY nowhere FROM STDIN") { _ in } },
            throws: { ($0 as? PostgresError)?.sqlState == "42P01" })
        #expect(
            performing: { try connection.copyOut("COPY (SELECT 1) TO STDOUT") { _ in _ = try connection.execute("SELECT 1") } },
            throws: isUsage)
        var late: PostgresCopyWriter?
        try connection.copyIn("COPY t FROM STDIN") { late = $0 }
        #expect(performing: { try late?.write("1\n") }, throws: isUsage)
        #expect(try connection.execute("SELECT count(*) FROM t").int(0, 0) == 0)
    }
}
