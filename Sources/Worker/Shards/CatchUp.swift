import Core
import Hierarchy
import PostgresClient
import Store

/// What PostgreSQL has committed to a shard after a change, read in one snapshot and ready to be applied.
enum CatchUp: Sendable {
    /// In order, without a gap.
    case changes([NumberedChange])
    /// As one, where one by one would not do.
    case net(NetChange)
    /// Following is not possible or not worth it: the shard must be loaded anew.
    case reload

    /// The last change; nil when there is none.
    var last: ChangeSequence? {
        switch self {
        case .changes(let changes): changes.last?.sequence
        case .net(let net): net.sequence
        case .reload: nil
        }
    }

    struct NumberedChange: Sendable {
        var sequence: ChangeSequence
        var change: ResolvedChange
    }

    /// Affiliates that come with one change; more and the shard is loaded anew.
    private static let arrivingRowsMax = 2_000_000

    /// - Parameter afterWriters: waits for a transaction that may still be writing to the shard, so that what is read is the last word on
    ///   a write whose answer was lost.
    static func read(
        _ shard: ShardID, after sequence: ChangeSequence, on connection: PostgresConnection, afterWriters: Bool = false
    ) throws -> CatchUp {
        if afterWriters {
            _ = try connection.execute(
                "SELECT last_seq FROM fature_v2.shard_sequence WHERE shard_id = $1::smallint FOR UPDATE",
                [.int(Int64(shard.rawValue))],
                timeoutMilliseconds: DatabasePatience.writeMilliseconds)
        }
        return try connection.transaction(.snapshotReadOnly) {
            switch try HierarchyChanges.changes(
                shard, after: sequence, on: connection, timeoutMilliseconds: DatabasePatience.writeMilliseconds)
            {
            case .reloadNeeded: return .reload
            case .changes(let changes): return try resolve(changes, shard, connection)
            }
        }
    }

    private static func resolve(_ changes: [HierarchyChange], _ shard: ShardID, _ connection: PostgresConnection) throws
        -> CatchUp
    {
        // A full page may not be all: the rows would be younger than the changes.
        guard changes.count < HierarchyChanges.changesMax else { return .reload }
        if NetChange.isNeeded(for: changes) {
            return try NetChange.read(changes, shard, rowsMax: arrivingRowsMax, on: connection).map { .net($0) } ?? .reload
        }
        var joinedIDs: [AffiliateID] = []
        for change in changes { if case .joined(let id, _, _) = change.kind { joinedIDs.append(id) } }
        var profiles: [AffiliateID: AffiliateProfile] = [:]
        try HierarchyChanges.rows(of: joinedIDs, on: connection, timeoutMilliseconds: DatabasePatience.writeMilliseconds) {
            record in
            profiles[record.id] = record.view.profile
        }
        var resolved: [NumberedChange] = []
        for change in changes {
            let next: ResolvedChange
            switch change.kind {
            case .joined(let id, let parent, let status):
                guard let profile = profiles[id] else { return .reload }
                next = .join(AffiliateRow(id: id, parent: parent, status: status, profile: profile))
            case .statusChanged(let id, let status): next = .status(id, status)
            case .moved(let id, let parent, _): next = .edit(PartitionEdit(moved: [.init(id: id, parent: parent)]))
            case .movedOut(let id, _, _): next = .edit(PartitionEdit(removed: [id]))
            case .movedIn(let id, let parent, _, let count):
                // Rows come as they are now; no later change of places follows this one, or we would not be here.
                guard count <= arrivingRowsMax else { return .reload }
                guard let rows = try arrivals(id, under: parent, in: shard, connection) else { return .reload }
                next = .edit(PartitionEdit(added: rows))
            case .reloaded: return .reload
            }
            resolved.append(NumberedChange(sequence: change.sequence, change: next))
        }
        return .changes(resolved)
    }

    /// The subtree that came, or nil if it has gone on already.
    private static func arrivals(
        _ root: AffiliateID, under parent: AffiliateID?, in shard: ShardID, _ connection: PostgresConnection
    ) throws -> [AffiliateRow]? {
        var rows: [AffiliateRow] = []
        var hasLeft = false
        try HierarchyChanges.subtreeRows(root, on: connection, timeoutMilliseconds: DatabasePatience.loadMilliseconds) { record in
            if record.shard != shard { hasLeft = true }
            rows.append(AffiliateRow(record))
        }
        guard !hasLeft, rows.first?.id == root, rows.first?.parent == parent else { return nil }
        return rows
    }
}

extension AffiliateRecord {
    /// The texts as a partition takes them.
    var view: ProfileView {
        func optional(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? { text.baseAddress == nil ? nil : text }
        return ProfileView(
            registrationMicroseconds: registrationMicroseconds, externalID: externalID, referralCode: optional(referralCode),
            name: name,
            email: optional(email), phone: optional(phone), document: optional(document), category: category)
    }
}

/// How long the worker waits for PostgreSQL. Milliseconds.
enum DatabasePatience {
    static let leaseMilliseconds = 1500
    static let pollMilliseconds = 2000
    static let writeMilliseconds = 5000
    static let loadMilliseconds = 120_000
}
