import PostgresClient

/// The versioned schema `fature_v2`: brings a database to a version, back from it, and says where it stands.
///
/// Each migration runs in one transaction together with its row in `schema_migration`, so it is there whole or not at all. The
/// lock is taken within that transaction and everything is looked at anew under it: two processes at once take turns, and
/// a process that dies leaves no lock behind.
package enum Schema {
    /// How long to wait for another migration, and for tables in use, before giving up.
    package static let lockTimeoutMillisecondsDefault = 30_000

    /// The version this binary needs.
    package static var currentVersion: Int { Migration.all.last?.version ?? 0 }

    /// Applies what is missing up to and including version `target` (all of it by default), oldest first.
    /// - Returns: the versions this call applied.
    @discardableResult
    package static func migrate(
        _ connection: PostgresConnection, to target: Int? = nil, migrations: [Migration] = Migration.all,
        lockTimeoutMilliseconds: Int = lockTimeoutMillisecondsDefault
    ) throws -> [Int] {
        let target = try known(target, migrations) ?? migrations.last?.version ?? 0
        var done: [Int] = []
        while let version = try underLock(
            connection, lockTimeoutMilliseconds,
            { () throws -> Int? in
                let schema = "CREATE SCHEMA IF NOT EXISTS fature_v2"
                try connection.executeScript("\(schema);\n\(SchemaQueries.createTable)")
                let applied = try SchemaQueries.applied(connection)
                let checksums = try SchemaQueries.checksums(of: migrations, connection)
                try check(applied, against: migrations, checksums)
                let versions = Set(applied.map(\.version))
                for (migration, checksum) in zip(migrations, checksums) where migration.version <= target {
                    guard !versions.contains(migration.version) else { continue }
                    let duration = try run(migration, migration.up, "applied", connection)
                    try SchemaQueries.record(migration, checksum: checksum, durationMilliseconds: duration, connection)
                    return migration.version
                }
                return nil
            })
        {
            done.append(version)
        }
        return done
    }

    /// Takes applied migrations away, newest first, until `target` is the newest; 0 leaves nothing behind.
    ///
    /// Refused while a worker's lease is live, and while there are affiliates unless `mayDropData`; both are looked at under the lock.
    /// - Returns: the versions this call took away.
    @discardableResult
    package static func rollback(
        _ connection: PostgresConnection, to target: Int, mayDropData: Bool = false, migrations: [Migration] = Migration.all,
        lockTimeoutMilliseconds: Int = lockTimeoutMillisecondsDefault
    ) throws -> [Int] {
        if target != 0 { _ = try known(target, migrations) }
        return try rollback(connection, mayDropData, migrations, lockTimeoutMilliseconds) { applied, _ in applied > target }
    }

    /// Takes the newest `steps` applied migrations away.
    /// - Returns: the versions this call took away.
    @discardableResult
    package static func rollback(
        _ connection: PostgresConnection, steps: Int, mayDropData: Bool = false, migrations: [Migration] = Migration.all,
        lockTimeoutMilliseconds: Int = lockTimeoutMillisecondsDefault
    ) throws -> [Int] {
        guard steps > 0 else { throw SchemaError(.unknownVersion, "cannot roll back \(steps) migrations; give at least 1") }
        return try rollback(connection, mayDropData, migrations, lockTimeoutMilliseconds) { _, done in done < steps }
    }

    /// Every migration of this binary and of the database, oldest first. Changes nothing.
    package static func status(_ connection: PostgresConnection, migrations: [Migration] = Migration.all) throws
        -> [MigrationStatus]
    {
        let applied = try SchemaQueries.appliedIfAny(connection)
        let byVersion = Dictionary(uniqueKeysWithValues: applied.map { ($0.version, $0) })
        var statuses: [MigrationStatus] = []
        for (migration, checksum) in zip(migrations, try SchemaQueries.checksums(of: migrations, connection)) {
            let state: MigrationStatus.State
            if let row = byVersion[migration.version] {
                let isSame = row.checksum == checksum
                state = isSame ? .applied(at: row.appliedAt, durationMilliseconds: row.durationMilliseconds) : .changed
            } else {
                state = .pending
            }
            statuses.append(MigrationStatus(version: migration.version, name: migration.name, state: state))
        }
        let ours = Set(migrations.map(\.version))
        for row in applied where !ours.contains(row.version) {
            statuses.append(MigrationStatus(version: row.version, name: row.name, state: .unknown))
        }
        return statuses
    }

    /// Throws unless the database has exactly the schema of this binary. Every role calls it when it starts.
    package static func requireCurrent(_ connection: PostgresConnection, migrations: [Migration] = Migration.all) throws {
        let applied = try SchemaQueries.appliedIfAny(connection)
        try check(applied, against: migrations, try SchemaQueries.checksums(of: migrations, connection))
        let versions = Set(applied.map(\.version))
        guard let missing = migrations.first(where: { !versions.contains($0.version) }) else { return }
        let have = applied.last.map { "the database has schema \($0.version)" } ?? "the database has no schema fature_v2 yet"
        throw SchemaError(
            .notCurrent,
            "\(have), this binary needs \(migrations.last?.version ?? 0) (next: \(missing.version) \(missing.name)); run: fature db migrate"
        )
    }

    // MARK: Steps

    private static func rollback(
        _ connection: PostgresConnection, _ mayDropData: Bool, _ migrations: [Migration], _ lockTimeoutMilliseconds: Int,
        while mayGo: (_ version: Int, _ done: Int) -> Bool
    ) throws -> [Int] {
        var done: [Int] = []
        while let version = try underLock(
            connection, lockTimeoutMilliseconds,
            { () throws -> Int? in
                let applied = try SchemaQueries.appliedIfAny(connection)
                try check(applied, against: migrations, try SchemaQueries.checksums(of: migrations, connection))
                guard let newest = applied.last, mayGo(newest.version, done.count),
                    let migration = migrations.first(where: { $0.version == newest.version })
                else { return nil }
                if try SchemaQueries.hasLiveWorkers(connection) {
                    throw SchemaError(
                        .serving, "workers are serving this database: stop the cluster and wait until their leases have run out")
                }
                if try !mayDropData && SchemaQueries.holdsData(connection) {
                    throw SchemaError(
                        .holdsData,
                        "migration \(migration.version) \(migration.name) would be taken back from a database with data in it")
                }
                try run(migration, migration.down, "rolled back", connection)
                try SchemaQueries.forget(migration, connection)
                if applied.count == 1 { try connection.executeScript(SchemaQueries.dropTable) }
                return migration.version
            })
        {
            done.append(version)
        }
        return done
    }

    private static func known(_ target: Int?, _ migrations: [Migration]) throws -> Int? {
        guard let target else { return nil }
        guard migrations.contains(where: { $0.version == target }) else {
            let range = "\(migrations.first?.version ?? 0) to \(migrations.last?.version ?? 0)"
            throw SchemaError(.unknownVersion, "there is no schema version \(target); this binary knows \(range)")
        }
        return target
    }

    /// One transaction under the migration lock. The lock ends with the transaction.
    private static func underLock<R>(_ connection: PostgresConnection, _ timeoutMilliseconds: Int, _ body: () throws -> R) throws
        -> R
    {
        try connection.transaction {
            do {
                try SchemaQueries.lock(connection, timeoutMilliseconds: timeoutMilliseconds)
            } catch let error as PostgresError where error.sqlState == SchemaQueries.lockNotAvailable {
                throw SchemaError(
                    .busy,
                    "another migration of this database has been running for \(timeoutMilliseconds) ms; wait for it and try again"
                )
            }
            return try body()
        }
    }

    /// Runs a script and answers how many milliseconds it took.
    @discardableResult
    private static func run(
        _ migration: Migration, _ script: String, _ verb: String, _ connection: PostgresConnection
    ) throws -> Int64 {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            try connection.executeScript(script)
        } catch {
            let label = "migration \(migration.version) \(migration.name) could not be \(verb)"
            if error.sqlState == SchemaQueries.lockNotAvailable {
                throw SchemaError(
                    .busy, "\(label): a table it changes stayed locked; stop what uses it and try again (\(error.message))")
            }
            throw SchemaError(.migrationFailed, "\(label), nothing of it was kept: \(error)")
        }
        let components = (clock.now - start).components
        return components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    private static func check(_ applied: [AppliedMigration], against migrations: [Migration], _ checksums: [String]) throws {
        let newest = migrations.last?.version ?? 0
        if let beyond = applied.last, beyond.version > newest {
            throw SchemaError(
                .newerDatabase,
                "database schema \(beyond.version) is newer than this binary's \(newest); use a newer fature, or roll back with the one that migrated it"
            )
        }
        for row in applied {
            guard let index = migrations.firstIndex(where: { $0.version == row.version }) else {
                throw SchemaError(
                    .newerDatabase, "the database has schema version \(row.version) \(row.name), which this binary does not know")
            }
            guard checksums[index] == row.checksum else {
                throw SchemaError(
                    .checksumMismatch,
                    """
                    migration \(row.version) \(row.name) was applied with other SQL (sha256 \(row.checksum.prefix(12))…) than this binary's \
                    (sha256 \(checksums[index].prefix(12))…); an applied migration is never edited: use the binary that applied it, or add a new one
                    """)
            }
        }
    }
}
