import Administration
import PostgresClient
import Store

/// What `fature status` knows. `--json` prints it as it stands, keys in snake_case.
struct ClusterReport: Encodable {
    struct Process: Encodable {
        let name: String
        let pid: Int32
        /// Where it listens, if `fature up` chose that.
        let port: Int?
    }

    struct Worker: Encodable {
        let name: String
        let instance: Int64
        let address: String
        let version: String
        /// Until the lease ends by PostgreSQL's clock; 0 or less: it has.
        let leaseMillisecondsLeft: Int64
        let shards: Int
        let affiliates: Int64
        let epochMin: Int64?
        let epochMax: Int64?
    }

    struct Database: Encodable {
        let schemaVersion: Int
        let schemaVersionNeeded: Int
        let affiliates: Int64
        let topologyVersion: Int64
        let shardsWithoutOwner: Int
        let workers: [Worker]
        let gateways: [GatewayListDocument.Entry]
    }

    var dataDir: String?
    var upPid: Int32?
    var gatewayUrl: String?
    /// Whether the gateway's /ready answers 200; nil where no gateway is known.
    var ready: Bool?
    var processes: [Process] = []
    var database: Database?
    /// Why `database` is missing.
    var databaseError: String?
}

extension ClusterReport.Database {
    /// Reads it all from PostgreSQL.
    init(_ connection: PostgresConnection) throws {
        let applied = try Schema.status(connection).filter(\.isApplied).map(\.version).max() ?? 0
        schemaVersion = applied
        schemaVersionNeeded = Schema.currentVersion
        guard applied == Schema.currentVersion else {
            (affiliates, topologyVersion, shardsWithoutOwner, workers, gateways) = (0, 0, 0, [], [])
            return
        }
        let shards = try OwnershipQueries.weighedShards(on: connection)
        affiliates = shards.reduce(0) { $0 + $1.affiliates }
        topologyVersion = try OwnershipQueries.topologyVersion(on: connection)
        shardsWithoutOwner = shards.count { $0.owner == nil }
        workers = try OwnershipQueries.workers(on: connection).map { worker in
            let owned = shards.filter { $0.owner == worker.instance }
            let epochs = owned.map(\.epoch.rawValue)
            return ClusterReport.Worker(
                name: worker.registration.name, instance: worker.instance.rawValue, address: worker.registration.address,
                version: worker.registration.version, leaseMillisecondsLeft: worker.leaseMillisecondsLeft, shards: owned.count,
                affiliates: owned.reduce(0) { $0 + $1.affiliates }, epochMin: epochs.min(), epochMax: epochs.max())
        }
        gateways = try GatewayLeases.all(on: connection).map(GatewayListDocument.Entry.init)
    }
}
