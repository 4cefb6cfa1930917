import PostgresClient
import TestServers
import Testing

@Suite struct PostgresValueTests {
    @Test("integers at both ends of 64 bits come back unchanged")
    func integers() async throws {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        for number in [Int64.min, .min + 1, -1, 0, 1, .max - 1, .max] {
            let result = try connection.execute("SELECT $1, $1::text", [.int(number)])
            #expect(try result.int(0, 0) == number)
            #expect(try result.text(0, 1) == String(number))
        }
    }
}
