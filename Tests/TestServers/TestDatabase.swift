import Glibc
import PostgresClient
import Synchronization

/// A fresh, empty database of its own on the process's shared server, gone with that server.
package final class TestDatabase: Sendable {
    package let server: PrivatePostgres
    package let name: String
    package var url: String { server.url(database: name) }

    private static let numbers = Atomic<Int>(0)

    private init(server: PrivatePostgres, name: String) {
        self.server = server
        self.name = name
    }

    /// - Parameter server: another server than the shared one.
    package static func create(on server: PrivatePostgres? = nil) async throws -> TestDatabase {
        let home: PrivatePostgres = if let server { server } else { try await PrivatePostgres.shared() }
        let name = "test_\(numbers.add(1, ordering: .relaxed).newValue)"
        try await ScratchServer.blocking {
            _ = try PostgresConnection(try Self.administration(home)).execute("CREATE DATABASE \(name)")
        }
        return TestDatabase(server: home, name: name)
    }

    /// How to reach it.
    package func configuration(
        applicationName: String = "fature tests", connectTimeoutMilliseconds: Int = 5000,
        statementTimeoutMilliseconds: Int = 60_000
    ) throws -> PostgresConfiguration {
        try PostgresConfiguration(
            url: url, applicationName: applicationName, connectTimeoutMilliseconds: connectTimeoutMilliseconds,
            statementTimeoutMilliseconds: statementTimeoutMilliseconds)
    }

    package func connect() throws -> PostgresConnection { try PostgresConnection(try configuration()) }

    /// Drops it now, whoever is connected: only to save room, since the server's end removes it in any case. (Not in `deinit`:
    /// a test's last mention of its database often stands before its last statement.)
    package func drop() async throws {
        try await ScratchServer.blocking { [self] in
            _ = try PostgresConnection(try Self.administration(server)).execute("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
        }
    }

    private static func administration(_ server: PrivatePostgres) throws -> PostgresConfiguration {
        try PostgresConfiguration(
            url: server.url, applicationName: "fature tests", connectTimeoutMilliseconds: 5000,
            statementTimeoutMilliseconds: 60_000)
    }
}
