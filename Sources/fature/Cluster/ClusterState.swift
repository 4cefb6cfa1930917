import Foundation

/// What `fature up` leaves in `cluster.json` (0600) so that other commands find the cluster, and so that its next start
/// finds the same ports and passwords.
struct ClusterState: Codable, Equatable {
    struct Process: Codable, Equatable {
        var name: String
        var pid: Int32
    }

    /// A private server's port and password. Nil where the server is somebody else's.
    struct PrivateServer: Codable, Equatable {
        var port: Int
        var password: String
    }

    /// Where the coordinator answers operators, and the token that it wants.
    struct Administration: Codable, Equatable {
        var port: Int
        var token: String

        var address: String { "127.0.0.1:\(port)" }
        var url: String { "http://\(address)" }
    }

    var databaseURL: String
    var redisURL: String
    /// Nil in folders of earlier versions.
    var administration: Administration?
    var postgres: PrivateServer?
    var redis: PrivateServer?
    var gatewayHost: String
    var gatewayPort: Int
    /// The processes as of the last change; empty once stopped.
    var processes: [Process]

    /// Whether `databaseURL` is the private server's. `postgres` alone does not say so: it is kept while unused.
    var databaseIsPrivate: Bool { postgres.map { databaseURL == PrivatePostgres.url($0) } ?? false }

    var gatewayURL: String { "http://\(gatewayHost):\(gatewayPort)" }

    static func read(_ directory: DataDirectory) throws(CommandError) -> ClusterState? {
        guard let text = try PrivateFile.read(directory.stateFile) else { return nil }
        do {
            return try JSONDecoder().decode(ClusterState.self, from: Data(text.utf8))
        } catch {
            throw CommandError(
                .configuration,
                "\(directory.stateFile) is damaged (\(error)); it names the servers' passwords, restore it or choose another --data-dir"
            )
        }
    }

    func write(_ directory: DataDirectory) throws(CommandError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data: Data
        do { data = try encoder.encode(self) } catch {
            throw CommandError(.fileRefused, "cannot encode \(directory.stateFile): \(error)")
        }
        try PrivateFile.write(String(decoding: data, as: UTF8.self) + "\n", to: directory.stateFile)
    }
}
