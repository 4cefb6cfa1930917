import PostgresClient

/// Whether workers serve the hierarchy, and whether there is one.
enum ClusterServing {
    static func hasLiveWorkers(_ connection: PostgresConnection) throws -> Bool {
        try connection.execute("SELECT EXISTS (SELECT 1 FROM fature_v2.worker_lease WHERE expires_at > clock_timestamp())").bool(
            0, 0)
    }

    static func hierarchyIsEmpty(_ connection: PostgresConnection) throws -> Bool {
        try connection.execute("SELECT NOT EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized)").bool(0, 0)
    }
}
