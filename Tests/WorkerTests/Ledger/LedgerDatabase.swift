import Core
import PostgresClient
import Store
import TestServers

@testable import Worker

/// A database with the whole schema, one owner of every shard at epoch 5, and transactions that wait.
struct LedgerDatabase {
    static let owner = WorkerInstanceID(1)
    static let epoch = Epoch(5)

    let database: TestDatabase

    static func create(on server: PrivatePostgres? = nil) async throws -> LedgerDatabase {
        let ledger = LedgerDatabase(database: try await TestDatabase.create(on: server))
        try await ScratchServer.blocking {
            let connection = try ledger.connect()
            try Schema.migrate(connection)
            _ = try connection.execute("UPDATE fature_v2.shard SET owner = 1, epoch = 5")
        }
        return ledger
    }

    func connect() throws -> PostgresConnection { try database.connect() }

    /// Transactions that were accepted an hour ago, of roots, so that they pay nobody.
    func addWaiting(_ count: Int, shard: Int) throws {
        _ = try connect().execute(
            """
            INSERT INTO fature_v2.transactions (accepted_at, affiliate_id, transaction_type, amount, external_transaction_id,
                shard_id, upline)
            SELECT clock_timestamp() - interval '1 hour', 1 + $2, 'deposit', 10, 'waits-' || $2 || '-' || gen_random_uuid(), $2, '{}'
            FROM generate_series(1, $1)
            """, [.int(Int64(count)), .int(Int64(shard))])
    }

    /// As the worker believes it is.
    static func ownership(_ shards: Int..., epoch: Epoch = Self.epoch) -> OwnedShards.Ownership {
        OwnedShards.Ownership(instance: owner, epochs: Dictionary(uniqueKeysWithValues: shards.map { (ShardID($0), epoch) }))
    }
}
