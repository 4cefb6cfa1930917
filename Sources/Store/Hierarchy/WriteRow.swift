import Core
import PostgresClient

/// The one row a write function answers: `fature_v2.hierarchy_write`, its columns in order.
struct WriteRow {
    let outcome: String
    private let result: PostgresResult

    init(_ result: PostgresResult) throws {
        guard result.rowCount == 1, result.columnCount == 9 else {
            throw StoreError(
                .unexpectedAnswer, "a write to the hierarchy answered \(result.rowCount) rows of \(result.columnCount) columns")
        }
        self.result = result
        outcome = try result.text(0, 0)
    }

    func affiliateID() throws -> AffiliateID { AffiliateID(try result.int(0, 1)) }
    func shard() throws -> ShardID { try ShardID(stored: result.int(0, 2)) }
    func sequence() throws -> ChangeSequence { try result.int(0, 3) }
    func targetSequence() throws -> ChangeSequence? { try result.optionalInt(0, 4) }
    func affiliatesMoved() throws -> Int64 { try result.int(0, 5) }
    func oldParent() throws -> AffiliateID? { try result.optionalInt(0, 6).map { AffiliateID($0) } }
    func level() throws -> Int { Int(try result.int(0, 7)) }
    func oldStatus() throws -> AffiliateStatus { try AffiliateStatus(stored: result.text(0, 8)) }

    var unknownOutcome: StoreError {
        StoreError(
            .unexpectedAnswer,
            "a write to the hierarchy answered '\(outcome)', which this binary does not know; run: fature db status")
    }
}
