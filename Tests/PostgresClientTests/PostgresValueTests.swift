import PostgresClient
import TestServers
import Testing

@Suite struct PostgresValueTests {
    @Test("integers at both ends of 64 bits come back unchanged, alone and in an array")
    func integers() async throws {
        let connection = try await TestDatabase.create().connect()
        let numbers: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for number in numbers {
            let result = try connection.execute("SELECT $1, $1::text", [.int(number)])
            #expect(try result.int(0, 0) == number)
            #expect(try result.text(0, 1) == String(number))
        }
        let result = try connection.execute(
            "SELECT $1, $2, $3, (SELECT count(*) FROM unnest($1))",
            [.int8Array(numbers), .optionalInt8Array([1, nil, -3]), .int8Array([])])
        #expect(try result.intArray(0, 0) == numbers)
        #expect(try result.intArray(0, 1) == [1, nil, -3])
        #expect(try result.intArray(0, 2) == [])
        #expect(try result.int(0, 3) == 7)
    }

    @Test("a number past 64 bits, a fraction, a text or a null is an error, never another number")
    func unreadableIntegers() async throws {
        let connection = try await TestDatabase.create().connect()
        for sql in [
            "SELECT 9223372036854775808", "SELECT -9223372036854775809", "SELECT 1.5", "SELECT ' 1'", "SELECT ''", "SELECT '+1'",
            "SELECT '-'", "SELECT NULL", "SELECT 99999999999999999999999999",
        ] {
            let result = try connection.execute(sql)
            #expect { _ = try result.int(0, 0) } throws: { ($0 as? PostgresError)?.code == .value }
        }
        let result = try connection.execute("SELECT 1")
        #expect { _ = try result.int(1, 0) } throws: { ($0 as? PostgresError)?.code == .value }
        #expect { _ = try result.int(0, -1) } throws: { ($0 as? PostgresError)?.code == .value }
        #expect { _ = try result.bool(0, 0) } throws: { ($0 as? PostgresError)?.code == .value }
    }

    @Test("texts of any script, nulls, booleans and bytes come back unchanged")
    func texts() async throws {
        let connection = try await TestDatabase.create().connect()
        let texts = [
            "", " ", "João Conceição", "日本語", "👩‍👩‍👧‍👦", "'; DROP TABLE a; --", "\\", "\"", "{a,b}", "NULL", "\u{1}\u{7f}\n\t",
        ]
        for text in texts {
            let result = try connection.execute("SELECT $1::text", [.text(text)])
            #expect(try result.text(0, 0) == text)
        }
        let result = try connection.execute(
            "SELECT $1, $2::text, $3, $4, $5, $6::bigint",
            [
                .textArray(texts + [nil]), .null, .bool(true), .boolArray([true, false]), .bytes(Array(0...255)),
                .optionalInt(nil),
            ])
        #expect(try result.textArray(0, 0) == texts + [nil])
        #expect(try result.optionalText(0, 1) == nil)
        #expect(try result.isNull(0, 1))
        #expect(try result.bool(0, 2))
        #expect(try result.text(0, 3) == "{t,f}")
        #expect(try result.bytes(0, 4) == Array(0...255))
        #expect(try result.optionalInt(0, 5) == nil)
        #expect { _ = try result.text(0, 1) } throws: { "\($0)".contains("is null in row 0") }
    }

    @Test("a text parameter takes the type of its place: ltree-like casts, enums, timestamps, numeric, jsonb")
    func inferredTypes() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript(
            "CREATE TYPE colour AS ENUM ('red'); CREATE TABLE t(c colour, at timestamptz, n numeric(15,2), j jsonb, s smallint)")
        let result = try connection.execute(
            "INSERT INTO t VALUES ($1, $2, $3, $4, $5) RETURNING c, n, j->>'a', s",
            ["red", "2026-01-02 03:04:05+00", "12.345", #"{"a": "b"}"#, 7])
        #expect(try result.text(0, 0) == "red")
        #expect(try result.text(0, 1) == "12.35")
        #expect(try result.text(0, 2) == "b")
        #expect(try result.int(0, 3) == 7)
        #expect(result.affectedRows == 1)
        #expect(result.names == ["c", "n", "?column?", "s"])
    }

    @Test("a NUL in a text, in an array or in the SQL is refused before anything is sent")
    func refusesNUL() async throws {
        let connection = try await TestDatabase.create().connect()
        #expect { _ = try connection.execute("SELECT $1::bigint, $2::text", [1, "a\0b"]) } throws: {
            ($0 as? PostgresError)?.code == .usage && "\($0)".contains("parameter $2") && "\($0)".contains("NUL")
        }
        #expect { _ = try connection.execute("SELECT $1", [.textArray(["a", "\0"])]) } throws: {
            ($0 as? PostgresError)?.code == .usage
        }
        #expect { _ = try connection.execute("SELECT 1\0; DROP TABLE a") } throws: { ($0 as? PostgresError)?.code == .usage }
        #expect(try connection.execute("SELECT 1").int(0, 0) == 1)
    }

    @Test("text that looks like SQL stays data")
    func injection() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE TABLE victims(name text); INSERT INTO victims VALUES ('one')")
        let attack = "x'); DROP TABLE victims; INSERT INTO victims VALUES ('y"
        _ = try connection.execute("INSERT INTO victims VALUES ($1)", [.text(attack)])
        let result = try connection.execute("SELECT name FROM victims WHERE name = $1", [.text(attack)])
        #expect(try result.text(0, 0) == attack)
        #expect(try connection.execute("SELECT count(*) FROM victims").int(0, 0) == 2)
        #expect { _ = try connection.execute("SELECT $1; DROP TABLE victims", [1]) } throws: {
            ($0 as? PostgresError)?.sqlState == "42601"
        }
    }
}
