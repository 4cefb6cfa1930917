import PostgresClient

/// Which transactions have some external ids.
///
/// External ids are compared by their bytes, as the key in PostgreSQL does: a Swift `String` counts é and e + ◌́ as one.
struct KeyHolders {
    private var holders: [[UInt8]: Int64] = [:]

    var ids: some Collection<Int64> { holders.values }

    subscript(_ externalID: String) -> Int64? { holders[Array(externalID.utf8)] }

    static func of(_ externalIDs: [String], on connection: PostgresConnection) throws -> KeyHolders {
        let keys = try connection.execute(sql, [.textArray(externalIDs)])
        var found = KeyHolders()
        for row in 0..<keys.rowCount { found.holders[Array(try keys.text(row, 0).utf8)] = try keys.int(row, 1) }
        return found
    }

    private static let sql = """
        SELECT external_transaction_id, transaction_id FROM fature_v2.transaction_key WHERE external_transaction_id = ANY ($1)
        """
}
