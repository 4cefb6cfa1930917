import Administration
import ClusterSupport
import ClusterTLS
import Core
import Logging
import PostgresClient
import Store
import TestServers
import Testing

@testable import Coordinator

/// The operators' listener of a coordinator in this process, with a PostgreSQL.
@Suite("The operators' listener beside a coordinator")
struct ListenerTests {
    private static let token = String(repeating: "a", count: 40)
    private static let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
    private static let nowhere = "postgresql://nobody@127.0.0.1:1/none"

    private func configuration(port: Int, _ credentials: CredentialPaths? = nil) throws -> AdministrationConfiguration {
        AdministrationConfiguration(
            address: try AdministrationAddress("127.0.0.1:\(port)"), token: try AdministrationToken(Self.token),
            credentials: credentials)
    }

    private static func request(_ line: String) -> String {
        "\(line) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\ncontent-type: application/json\r\n\r\n"
    }

    private func database() async throws -> TestDatabase {
        let database = try await TestDatabase.create()
        _ = try await TestCluster.blocking { try Schema.migrate(database.connect()) }
        return database
    }

    @Test("a coordinator leads while the operators' port is taken, and answers once it is free")
    func takenPort() async throws {
        let database = try await database()
        let holder = try await AdministrationServer.start(
            configuration(port: 0), databaseURL: Self.nowhere, logger: Self.logger)
        let port = holder.port
        let service = CoordinatorService(
            configuration: CoordinatorConfiguration(databaseURL: database.url, administration: try configuration(port: port)),
            logger: Self.logger)
        let run = Task { try await service.run() }
        let leads = await outcome("it leads") {
            try database.connect().execute("SELECT count(*) FROM fature_v2.coordinator_lease WHERE expires_at > now()").int(0, 0)
                == 1
        }
        await holder.shutDown(logger: Self.logger)
        let answers = await outcome("it answers operators") {
            guard let socket = try? PlainSocket(port: port) else { return false }
            socket.say(Self.request("GET /admin/v1/health").replacing("host: x", with: "host: x\r\nconnection: close"))
            return socket.status() == 200
        }
        run.cancel()
        try await run.value
        try leads.get()
        try answers.get()
        #expect(throws: TestServerError.self) { try PlainSocket(port: port) }
    }

    private func outcome(_ what: String, _ isSo: @escaping @Sendable () throws -> Bool) async -> Result<Void, any Error> {
        do {
            try await TestCluster.blocking { try TestCluster.wait(what, until: isSo) }
            return .success(())
        } catch { return .failure(error) }
    }

    @Test("what keeps trying to listen ends when it is told to, and beyond loopback nobody tries without certificates")
    func endsInVain() async throws {
        let nothing = CredentialPaths(certificate: "/nowhere/a", key: "/nowhere/b", authority: "/nowhere/c")
        let listener = AdministrationListener(
            try configuration(port: 0, nothing), databaseURL: Self.nowhere, logger: Self.logger)
        await listener.shutDown()
        let open = AdministrationConfiguration(
            address: try AdministrationAddress("0.0.0.0:0"), token: try AdministrationToken(Self.token), credentials: nil)
        let service = CoordinatorService(
            configuration: CoordinatorConfiguration(databaseURL: Self.nowhere, administration: open), logger: Self.logger)
        let error = await #expect(throws: ClusterTLSError.self) { try await service.run() }
        #expect(error?.code == .missing)
    }

    @Test("a question whose client has gone is given up; a change is made all the same")
    func gone() async throws {
        let database = try await database()
        let server = try await AdministrationServer.start(
            configuration(port: 0), databaseURL: database.url, logger: Self.logger)
        let port = server.port
        do {
            try await TestCluster.blocking {
                let (holder, observer) = (try database.connect(), try database.connect())
                _ = try WorkerLeases.register(
                    WorkerRegistration(name: "w1", address: "w1:7000", capacity: 1, version: "1"),
                    timeToLiveMilliseconds: 3_600_000, on: holder)
                func waiting() throws -> Int64 {
                    try observer.execute(
                        """
                        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                            AND application_name = 'fature coordinator administration' AND wait_event_type = 'Lock'
                        """
                    ).int(0, 0)
                }
                func standings() throws -> Int64 {
                    try observer.execute("SELECT count(*) FROM fature_v2.worker_standing WHERE standing = 'cordoned'").int(0, 0)
                }
                try holder.transaction(.readCommitted) {
                    _ = try holder.execute("LOCK TABLE fature_v2.worker_standing IN ACCESS EXCLUSIVE MODE")
                    do {
                        let sockets = try ["GET /admin/v1/workers", "POST /admin/v1/workers/w1/cordon"].map { line in
                            let socket = try PlainSocket(port: port)
                            socket.say(Self.request(line))
                            return socket
                        }
                        try TestCluster.wait("both are at work") { try waiting() == 2 }
                        withExtendedLifetime(sockets) {}
                    }
                    try TestCluster.wait("the question is given up") { try waiting() == 1 }
                }
                try TestCluster.wait("the change is made") { try standings() == 1 }
            }
        } catch {
            await server.shutDown(logger: Self.logger)
            throw error
        }
        await server.shutDown(logger: Self.logger)
    }
}
