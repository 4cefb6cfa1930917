import PostgresClient

/// What the whole programme agrees on (`fature_v2.programme`).
package enum Programme {
    /// The currency of all transactions, three capital letters.
    package static func currency(on connection: PostgresConnection) throws -> String {
        let result = try connection.execute("SELECT currency FROM fature_v2.programme")
        guard result.rowCount == 1 else {
            throw StoreError(.unexpectedAnswer, "fature_v2.programme has no row; run: fature db status")
        }
        return try result.text(0, 0)
    }
}
