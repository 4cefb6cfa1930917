import Glibc
import PostgresClient
import TestServers
import Testing

@Suite struct PostgresConnectTests {
    private func failure(_ url: String, milliseconds: Int = 1000) -> PostgresError? {
        #expect(throws: PostgresError.self) {
            _ = try PostgresConnection(
                try PostgresConfiguration(url: url, applicationName: "connect", connectTimeoutMilliseconds: milliseconds))
        }
    }

    @Test("wrong password, unknown user and unknown database are refused at once, with SQLSTATE and without the password")
    func refused() async throws {
        let server = try await PrivatePostgres.shared()
        let secret = "s3cret-Wörd"
        let start = ContinuousClock.now
        for (url, state) in [
            ("postgresql://postgres:s3cret-W%C3%B6rd@127.0.0.1:\(server.port)/postgres", "28P01"),
            ("postgresql://nobody:s3cret-W%C3%B6rd@127.0.0.1:\(server.port)/postgres", "28P01"),
            (server.url(database: "no_such"), "3D000"),
        ] {
            let error = try #require(failure(url))
            #expect(error.code == .accessRefused)
            #expect(error.sqlState == state)
            #expect(error.isConnectionFailure)
            #expect(!"\(error)".contains(secret))
            #expect(!"\(error)".contains(server.password))
        }
        #expect(failure("postgresql://postgres@127.0.0.1:\(server.port)/postgres")?.code == .accessRefused)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("nobody listening is told at once, and a host that never answers after the connect timeout")
    func unreachable() throws {
        let start = ContinuousClock.now
        let closed = try #require(failure("postgresql://a:secret@127.0.0.1:1/db", milliseconds: 60_000))
        #expect(closed.code == .cannotConnect)
        #expect("\(closed)".contains("127.0.0.1:1"))
        #expect(ContinuousClock.now - start < .seconds(15))

        // Listens and never speaks: what a hung server or a black hole look like from here.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                #expect(bind(descriptor, address, size) == 0)
                #expect(listen(descriptor, 5) == 0)
                #expect(getsockname(descriptor, address, &size) == 0)
            }
        }
        let before = ContinuousClock.now
        let silent = try #require(
            failure("postgresql://a:secret@127.0.0.1:\(UInt16(bigEndian: address.sin_port))/db", milliseconds: 200))
        #expect(silent.code == .cannotConnect)
        #expect("\(silent)".contains("no connection within 200 ms"))
        #expect(ContinuousClock.now - before < .seconds(15))
        for error in [closed, silent] { #expect(!"\(error)".contains("secret")) }
    }

    @Test("no form of a configuration shows its password, and neither does an unreadable one")
    func noPassword() throws {
        let configuration = try PostgresConfiguration(
            url: "postgresql://me:hunter2%40x@db.example:5433/fature?sslmode=disable", applicationName: "a")
        #expect("\(configuration)" == "me@db.example:5433/fature")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped, "\(configuration.database("other"))"] {
            #expect(!text.contains("hunter2"))
        }
        for url in [
            "postgres//me:hunter2@host/db", "postgresql://me:hunter2@host:port/db?x", "host=a password=hunter2 oops", "\0hunter2",
        ] {
            #expect {
                _ = try PostgresConnection(
                    try PostgresConfiguration(url: url, applicationName: "a", connectTimeoutMilliseconds: 500))
            } throws: { !"\($0)".contains("hunter2") && $0 is PostgresError }
        }
        #expect(throws: PostgresError.self) {
            try PostgresConfiguration(url: "host=a", applicationName: "a", connectTimeoutMilliseconds: 0)
        }
    }

    @Test("a session the server ends is reported as lost with the server's reason, and a reset brings a new one")
    func terminated() async throws {
        let database = try await TestDatabase.create()
        let connection = try database.connect()
        let other = try database.connect()
        #expect(connection.checkIdle())
        _ = try other.execute("SELECT pg_terminate_backend($1::int, 5000)", [.int(Int64(connection.serverPID))])
        let error = #expect(throws: PostgresError.self) { _ = try connection.execute("SELECT $1", [1]) }
        #expect(error?.code == .connectionLost)
        #expect(!connection.checkIdle())
        #expect(!connection.isUsable)
        try connection.reset()
        #expect(try connection.execute("SELECT $1", [1]).int(0, 0) == 1)
        _ = try other.execute("SELECT pg_terminate_backend($1::int, 5000)", [.int(Int64(connection.serverPID))])
        #expect(!connection.checkIdle())
        let ownEnd = #expect(throws: PostgresError.self) {
            _ = try other.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        }
        #expect(ownEnd?.code == .connectionLost)
        #expect(ownEnd?.sqlState == "57P01")
        #expect(!other.isUsable)
    }
}
