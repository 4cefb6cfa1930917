/// What became of one migration in one database.
package struct MigrationStatus: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        case pending
        /// `at` as PostgreSQL prints it, in UTC.
        case applied(at: String, durationMilliseconds: Int64)
        /// Applied, but its SQL was another than this binary's.
        case changed
        /// In the database only: a newer binary applied it.
        case unknown
    }

    package let version: Int
    package let name: String
    package let state: State

    package init(version: Int, name: String, state: State) {
        self.version = version
        self.name = name
        self.state = state
    }
}

/// A row of `fature_v2.schema_migration`.
struct AppliedMigration {
    let version: Int
    let name: String
    let checksum: String
    let appliedAt: String
    let durationMilliseconds: Int64
}
