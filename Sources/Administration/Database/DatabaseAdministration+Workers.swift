import Placement
import PostgresClient
import Store

extension DatabaseAdministration {
    package func workers() throws -> WorkerListDocument {
        WorkerListDocument(workers: try connection.transaction(.snapshotReadOnly) { try workerEntries() })
    }

    package func setStanding(
        of worker: String, to standing: WorkerStanding, _ request: StandingRequest
    ) throws -> WorkerStandingDocument {
        try OperatorReason.check(request.reason)
        let name = try name(of: worker)
        let workers = try OwnershipQueries.workers(on: connection).filter { $0.registration.name == name }
        let shards = try OwnershipQueries.weighedShards(on: connection)
            .count { shard in workers.contains { $0.instance == shard.owner } }
        var before = try WorkerStandings.all(on: connection).first { $0.name == name }?.standing ?? .open
        if !request.isDryRun {
            before = try WorkerStandings.set(name, standing, reason: request.reason, origin: origin, on: connection)
        }
        return WorkerStandingDocument(
            workerId: name, before: before.rawValue, standing: standing.rawValue, changed: before != standing, shards: shards,
            dryRun: request.isDryRun, plan: nil)
    }

    /// How people name a worker: by its name, which outlives a restart, or by the number of its instance.
    /// - Throws: `unknownWorker` when no worker with a lease is called so, nor has a standing under that name.
    func name(of given: String) throws -> String {
        let workers = try OwnershipQueries.workers(on: connection)
        if workers.contains(where: { $0.registration.name == given }) { return given }
        if let worker = workers.first(where: { String($0.instance.rawValue) == given }) { return worker.registration.name }
        if try WorkerStandings.all(on: connection).contains(where: { $0.name == given }) { return given }
        let names = Set(workers.map(\.registration.name)).sorted().joined(separator: ", ")
        throw AdministrationFault(.unknownWorker, "there is no worker \(given); there is \(names.isEmpty ? "none" : names)")
    }

    private func workerEntries() throws -> [WorkerListDocument.Entry] {
        let workers = try OwnershipQueries.workers(on: connection)
        let shards = try OwnershipQueries.weighedShards(on: connection)
        let standings = try WorkerStandings.all(on: connection)
        let living = workers.map { worker in
            let owned = shards.filter { $0.owner == worker.instance }
            let standing = standings.first { $0.name == worker.registration.name }
            return WorkerListDocument.Entry(
                workerId: worker.registration.name, instance: worker.instance.rawValue, address: worker.registration.address,
                version: worker.registration.version, capacity: worker.registration.capacity,
                leaseMillisecondsLeft: worker.leaseMillisecondsLeft, standing: worker.standing.rawValue,
                standingReason: standing?.reason, standingBy: standing?.actor, shards: owned.count,
                affiliates: owned.reduce(0) { $0 + $1.affiliates },
                standbys: shards.count { $0.standby == worker.instance }, epochMin: owned.map(\.epoch.rawValue).min(),
                epochMax: owned.map(\.epoch.rawValue).max())
        }
        let away = standings.filter { standing in !workers.contains { $0.registration.name == standing.name } }.map {
            WorkerListDocument.Entry(
                workerId: $0.name, instance: nil, address: nil, version: nil, capacity: nil, leaseMillisecondsLeft: nil,
                standing: $0.standing.rawValue, standingReason: $0.reason, standingBy: $0.actor, shards: 0, affiliates: 0,
                standbys: 0, epochMin: nil, epochMax: nil)
        }
        return living + away
    }
}
