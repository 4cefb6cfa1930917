import Store

/// Every worker, as `fature worker ls --json` prints them.
package struct WorkerListDocument: Codable, Sendable {
    package struct Entry: Codable, Sendable {
        /// Its name: what commands take.
        package let workerId: String
        /// Nil: no process of this name has a lease, but its standing holds.
        package let instance: Int64?
        package let address: String?
        package let version: String?
        package let capacity: Int64?
        /// Until its lease ends by PostgreSQL's clock; 0 or less: it has.
        package let leaseMillisecondsLeft: Int64?
        package let standing: String
        package let standingReason: String?
        package let standingBy: String?
        package let shards: Int
        package let affiliates: Int64
        /// Shards of others of which it keeps a warm copy.
        package let standbys: Int
        package let epochMin: Int64?
        package let epochMax: Int64?
    }

    package let workers: [Entry]
}

/// What became of a worker's standing, as `fature worker cordon`, `drain` and `uncordon` print it with `--json`.
package struct WorkerStandingDocument: Codable, Sendable {
    package let workerId: String
    package let before: String
    package private(set) var standing: String
    package private(set) var changed: Bool
    /// Shards that it has at the moment.
    package let shards: Int
    package var dryRun: Bool
    /// The plan by which its shards move away; nil where none was asked for.
    package var plan: RebalanceDocument?

    /// With what became of the plan by which its shards are to move away.
    /// - Parameter isMarked: the worker got its standing before the plan was applied; otherwise applying the plan gives it, and a plan that is
    ///   refused leaves the worker as it was.
    package func with(_ plan: RebalanceDocument, isMarked: Bool) -> WorkerStandingDocument {
        var document = self
        document.plan = plan
        if !isMarked, plan.state == StoredRebalancePlan.State.refused.rawValue {
            document.standing = before
            document.changed = false
        }
        return document
    }
}
