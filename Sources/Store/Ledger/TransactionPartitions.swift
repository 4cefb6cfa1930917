import PostgresClient

/// The monthly partitions of `transactions`. What finds no month of its own falls into the default partition instead of failing.
package enum TransactionPartitions {
    package static let monthsAheadDefault = 3

    /// Makes the partitions that are missing from this month to `monthsAhead` after it.
    /// - Returns: how many were made.
    @discardableResult
    package static func make(monthsAhead: Int = monthsAheadDefault, on connection: PostgresConnection) throws -> Int {
        let result = try connection.execute(
            "SELECT fature_v2.make_transaction_partitions($1::integer)", [.int(Int64(monthsAhead))])
        return Int(try result.int(0, 0))
    }
}
