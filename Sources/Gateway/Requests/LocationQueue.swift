import Core

/// Where PostgreSQL said an affiliate is.
struct LocatedShard: Sendable {
    var shard: ShardID
    /// The shard's latest change at that moment: its owner has to have reached it before it answers.
    var sequence: ChangeSequence
}

/// Affiliates the directory did not know, waiting to be looked up: one query at a time, for all that have gathered meanwhile.
final class LocationQueue {
    struct Entry: Sendable {
        var token: UInt64
        var id: AffiliateID
    }

    /// Most that may wait; more are refused.
    static let waitingMax = 8192
    /// Most in one query.
    static let batchMax = 1024

    private var waiting: [Entry] = []
    private var isBusy = false

    /// Returns false when too many wait already.
    func add(token: UInt64, id: AffiliateID) -> Bool {
        guard waiting.count < Self.waitingMax else { return false }
        waiting.append(Entry(token: token, id: id))
        return true
    }

    /// What to look up now, or nil while a query is on its way or nothing waits.
    func nextBatch() -> [Entry]? {
        guard !isBusy, !waiting.isEmpty else { return nil }
        isBusy = true
        let batch = Array(waiting.prefix(Self.batchMax))
        waiting.removeFirst(batch.count)
        return batch
    }

    func batchFinished() { isBusy = false }
}
