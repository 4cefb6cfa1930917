import Core
import PostgresClient
import Store
import TestServers
import Testing

/// A database of its own with the whole schema, and one worker that owns every shard at epoch 1.
struct StoreDatabase {
    let database: TestDatabase
    static let owner = WorkerInstanceID(1)
    static let origin = ChangeOrigin(actor: "tests", requestID: "request-1")

    static func create() async throws -> StoreDatabase {
        let store = StoreDatabase(database: try await TestDatabase.create())
        let connection = try store.connect()
        try Schema.migrate(connection)
        _ = try connection.execute("UPDATE fature_v2.shard SET owner = 1, epoch = 1")
        return store
    }

    func connect() throws -> PostgresConnection { try database.connect() }

    func pool(connections: Int) throws -> PostgresPool {
        try PostgresPool(configuration: try database.configuration(), connections: connections, pendingMax: 1000)
    }

    static func fence(_ shard: Int, epoch: Int64 = 1) -> WriteFence {
        WriteFence(shard: ShardID(shard), owner: owner, epoch: Epoch(epoch))
    }

    static func profile(_ externalID: String, code: String? = nil) -> AffiliateProfile {
        AffiliateProfile(
            externalID: externalID, referralCode: code, name: "Name \(externalID)",
            registrationMicroseconds: 1_700_000_000_123_456)
    }
}

extension PostgresConnection {
    /// The single number a query answers.
    func number(_ sql: String) throws -> Int64 { try execute(sql).int(0, 0) }

    /// The first column of every row.
    func texts(_ sql: String) throws -> [String] {
        let result = try execute(sql)
        return try (0..<result.rowCount).map { try result.optionalText($0, 0) ?? "null" }
    }

    /// Joins with a number of its own as external id and expects it to succeed.
    @discardableResult
    func join(
        _ id: Int64, under parent: Int64? = nil, shard: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> AffiliateID {
        let outcome = try HierarchyWrites.join(
            JoinRequest(
                fence: StoreDatabase.fence(shard), parent: parent.map { AffiliateID($0) }, affiliateID: AffiliateID(id),
                profile: StoreDatabase.profile("external-\(id)"), origin: StoreDatabase.origin), on: self)
        guard case .joined(let joined, _, _) = outcome else {
            Issue.record("expected \(id) to join, got \(outcome)", sourceLocation: sourceLocation)
            return AffiliateID(id)
        }
        return joined
    }

    func move(_ id: Int64, under parent: Int64?, shard: Int = 0) throws -> MoveOutcome {
        try HierarchyWrites.move(
            MoveRequest(
                fence: StoreDatabase.fence(shard), affiliateID: AffiliateID(id), newParent: parent.map { AffiliateID($0) },
                reason: "a test", origin: StoreDatabase.origin), on: self)
    }

    func setStatus(_ id: Int64, _ status: AffiliateStatus, shard: Int = 0) throws -> StatusOutcome {
        try HierarchyWrites.setStatus(
            StatusRequest(
                fence: StoreDatabase.fence(shard), affiliateID: AffiliateID(id), status: status, reason: "a test",
                origin: StoreDatabase.origin), on: self)
    }
}
