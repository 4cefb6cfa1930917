import Core
import PostgresClient
import Store

/// How people name a worker: by its name, which outlives a restart, or by the number of its instance.
enum WorkerNames {
    /// - Throws: `usage` when no worker with a lease is called so, nor has a standing under that name.
    static func name(of given: String, on connection: PostgresConnection) throws -> String {
        let workers = try OwnershipQueries.workers(on: connection)
        if workers.contains(where: { $0.registration.name == given }) { return given }
        if let worker = workers.first(where: { String($0.instance.rawValue) == given }) { return worker.registration.name }
        if try WorkerStandings.all(on: connection).contains(where: { $0.name == given }) { return given }
        let names = Set(workers.map(\.registration.name)).sorted().joined(separator: ", ")
        throw CommandError(.usage, "there is no worker \(given); there is \(names.isEmpty ? "none" : names)")
    }
}
