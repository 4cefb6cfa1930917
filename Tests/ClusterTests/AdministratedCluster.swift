import ClusterSupport
import Foundation
import Glibc
import PostgresClient
import TestServers
import Testing

/// A cluster whose coordinator answers operators on loopback.
struct AdministratedCluster {
    static let token = String(repeating: "0123456789abcdef", count: 2)

    let cluster: TestCluster
    let folder: ScratchFolder
    let port: Int

    var tokenFile: String { "\(folder.path)/token" }

    static func start(workers: Int = 2, affiliates: Int = 600, seed: UInt64) async throws -> AdministratedCluster {
        let folder = try ScratchFolder("operators")
        try write(token, to: "\(folder.path)/token")
        let settings = [
            "FATURE_COORDINATOR_ADMIN_LISTEN=127.0.0.1:0", "FATURE_COORDINATOR_ADMIN_TOKEN_FILE=\(folder.path)/token",
        ]
        let cluster = try await TestCluster.start(
            workers: workers, gateways: 1, affiliates: affiliates, seed: seed, environment: ["coordinator-1": settings])
        let port = try await TestCluster.blocking { try cluster.administrationPort() }
        return AdministratedCluster(cluster: cluster, folder: folder, port: port)
    }

    static func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
        try (text + "\n").write(toFile: path, atomically: false, encoding: .utf8)
        guard chmod(path, mode) == 0 else { throw TestServerError("chmod \(path): \(errno)") }
    }

    // MARK: Over HTTP by hand

    private static let authorization = ("authorization", "Bearer \(token)")

    func get(_ path: String) throws -> HTTPAnswer { try ask("GET", path) }

    func post(_ path: String, _ body: String = "{}") throws -> HTTPAnswer {
        try ask("POST", path, [("content-type", "application/json")], body)
    }

    func ask(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], _ body: String = ""
    ) throws -> HTTPAnswer {
        try HTTPClient(port: port).ask(
            method, "/admin/v1/\(path)", headers: [Self.authorization] + headers, body: Data(body.utf8))
    }

    // MARK: By command

    /// By PostgreSQL.
    func direct(_ arguments: [String]) throws -> CommandRun { try cluster.run(arguments) }

    /// By the coordinator. PostgreSQL is not named.
    func remote(_ arguments: [String], token: String? = nil, port: Int? = nil) throws -> CommandRun {
        try .fature(
            arguments + ["--admin-url", "http://127.0.0.1:\(port ?? self.port)", "--admin-token-file", token ?? tokenFile],
            environment: ["DATABASE_URL": "", "REDIS_URL": ""])
    }
}

/// JSON without what changes from one look to the next.
func steady(_ data: Data) throws -> String {
    let moving: Set = ["lease_milliseconds_left", "p99_microseconds", "requests_per_second", "parked_requests"]
    func strip(_ value: Any) -> Any {
        if let object = value as? [String: Any] { return object.filter { !moving.contains($0.key) }.mapValues(strip) }
        if let list = value as? [Any] { return list.map(strip) }
        return value
    }
    let object = try JSONSerialization.jsonObject(with: data)
    return String(
        decoding: try JSONSerialization.data(withJSONObject: strip(object), options: [.sortedKeys, .fragmentsAllowed]),
        as: UTF8.self)
}
