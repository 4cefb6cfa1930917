import Core
import Hierarchy
import PostgresClient
import Store

/// Many changes of a shard as one: how everybody concerned stands at the end, whatever happened in between.
///
/// Rows are read as they are now, so changes of places that follow an arrival cannot be applied one by one. But whoever stands
/// elsewhere than before is, before or after, at or below an affiliate that one of the changes names: all those subtrees leave,
/// and those that are in the shard now come back as they are.
struct NetChange: Sendable {
    /// The last change that is contained.
    var sequence: ChangeSequence
    /// Those that changed their place, in the shard before or not.
    var touched: [AffiliateID]
    /// What is below the touched now, and who joined.
    var rows: [AffiliateRow]
    /// Of those who are not among `rows`, in order.
    var statuses: [ResolvedChange]
    /// For the job whose commit's answer was lost.
    var joinedExternalIDs: [AffiliateID: String]
    var statusChanged: Set<AffiliateID>

    /// So many subtrees are read one by one; more and the shard is loaded anew.
    static let touchedMax = 512
    /// So many changes of places are applied one by one where that is possible: each is a rebuild.
    static let editsOneByOneMax = 4

    /// Whether one change after the other would not do, or not be worth it.
    static func isNeeded(for changes: [HierarchyChange]) -> Bool {
        var edits = 0
        var hasArrivals = false
        for change in changes {
            switch change.kind {
            case .joined, .statusChanged, .reloaded: continue
            case .moved, .movedOut:
                if hasArrivals { return true }
            case .movedIn:
                if hasArrivals { return true }
                hasArrivals = true
            }
            edits += 1
        }
        return edits > editsOneByOneMax
    }

    /// To be called in the snapshot in which the changes were read. Nil when the shard is better loaded anew.
    static func read(
        _ changes: [HierarchyChange], _ shard: ShardID, rowsMax: Int, on connection: PostgresConnection
    ) throws -> NetChange? {
        guard let last = changes.last else { return nil }
        var touched: Set<AffiliateID> = []
        var joined: [AffiliateID] = []
        for change in changes {
            switch change.kind {
            case .joined(let id, _, _): joined.append(id)
            case .statusChanged: continue
            case .moved(let id, _, _), .movedOut(let id, _, _), .movedIn(let id, _, _, _): touched.insert(id)
            case .reloaded: return nil
            }
        }
        guard touched.count <= touchedMax else { return nil }
        var net = NetChange(
            sequence: last.sequence, touched: Array(touched), rows: [], statuses: [], joinedExternalIDs: [:], statusChanged: [])
        var present: Set<AffiliateID> = []
        for id in touched where !present.contains(id) {
            try HierarchyChanges.subtreeRows(id, on: connection, timeoutMilliseconds: DatabasePatience.loadMilliseconds) {
                record in
                guard record.shard == shard, present.insert(record.id).inserted else { return }
                net.rows.append(AffiliateRow(record))
            }
            guard net.rows.count <= rowsMax else { return nil }
        }
        try HierarchyChanges.rows(of: joined, on: connection, timeoutMilliseconds: DatabasePatience.writeMilliseconds) { record in
            let row = AffiliateRow(record)
            net.joinedExternalIDs[row.id] = row.profile.externalID
            guard record.shard == shard, present.insert(row.id).inserted else { return }
            net.rows.append(row)
        }
        for change in changes {
            guard case .statusChanged(let id, let status) = change.kind else { continue }
            net.statusChanged.insert(id)
            if !present.contains(id) { net.statuses.append(.status(id, status)) }
        }
        return net
    }

    /// The edit of a partition that has none of the changes yet.
    func edit(of partition: Partition) -> PartitionEdit {
        PartitionEdit(removed: touched.filter { partition.find($0) != nil }, added: rows)
    }
}

extension AffiliateRow {
    init(_ record: borrowing AffiliateRecord) {
        self.init(
            id: record.id, parent: record.parent == 0 ? nil : AffiliateID(record.parent), status: record.status,
            profile: record.view.profile)
    }
}
