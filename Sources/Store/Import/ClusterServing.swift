import PostgresClient

/// Whether workers serve the hierarchy: they hold it in memory and would not see what is written behind their backs.
enum ClusterServing {
    static func hasLiveWorkers(_ connection: PostgresConnection) throws -> Bool {
        try connection.execute("SELECT EXISTS (SELECT 1 FROM fature_v2.worker_lease WHERE expires_at > clock_timestamp())").bool(
            0, 0)
    }

    static func hierarchyIsEmpty(_ connection: PostgresConnection) throws -> Bool {
        try connection.execute("SELECT NOT EXISTS (SELECT 1 FROM fature_v2.affiliates_optimized)").bool(0, 0)
    }

    static let refusal = ImportError(
        .clusterServes,
        "workers are serving this hierarchy, and would not see what is imported: stop the cluster (fature down, or its workers), "
            + "import, and start it again")
}
