/// How an import goes about its work.
package struct ImportOptions: Sendable {
    /// Rows that are read and staged in one transaction.
    package var rowsPerBatch = rowsPerBatchDefault
    /// Whether a single refused row refuses the whole import.
    package var isStrict = false

    package static let rowsPerBatchDefault = 5_000
    package static let rowsPerBatchMax = 1_000_000
    /// Refused rows past which an import gives up: the source is not what it was taken for.
    package static let rejectsMax = 1_000_000

    package init(rowsPerBatch: Int = rowsPerBatchDefault, isStrict: Bool = false) throws(ImportError) {
        guard (1...Self.rowsPerBatchMax).contains(rowsPerBatch) else {
            throw ImportError(.badOption, "batches of \(rowsPerBatch) rows: choose 1 to \(Self.rowsPerBatchMax)")
        }
        self.rowsPerBatch = rowsPerBatch
        self.isStrict = isStrict
    }
}

/// The steps of an import after reading, in their order.
package enum ImportStep: String, CaseIterable, Sendable {
    case locks
    case duplicates
    case tree
    case unreached
    case pairs
    case placement
    case affiliates
    case index
    case bookkeeping
    case commit
    case statistics
}

/// What an import tells of while it works.
package enum ImportProgress: Sendable {
    /// A new run begins; the reason says why an unfinished one was not continued, if there was one.
    case started(run: Int64, notContinued: String?)
    /// An unfinished run goes on after this many rows.
    case continued(run: Int64, rows: Int64)
    case batch(number: Int64, rows: Int, rejects: Int, rowsTotal: Int64, duration: Duration)
    case beginning(ImportStep)
    case ended(ImportStep, duration: Duration)
    /// Everything is committed; only ANALYZE failed after it.
    case statisticsFailed(String)
}

/// What an import has done.
package struct ImportSummary: Equatable, Sendable {
    package var run: Int64
    package var rowsRead: Int64 = 0
    package var batches: Int64 = 0
    /// Affiliates that are in the hierarchy now and were not before.
    package var imported: Int64 = 0
    /// Of those, roots.
    package var roots: Int64 = 0
    /// Rows that repeat exactly what the hierarchy, or an earlier row, says.
    package var alreadyPresent: Int64 = 0
    /// New rows of the closure.
    package var pairs: Int64 = 0
    /// The deepest level of an imported affiliate.
    package var levels: Int64 = 0
    /// Refused rows by reason, those with any.
    package var rejects: [String: Int64] = [:]

    package var rejected: Int64 { rejects.values.reduce(0, +) }
}
