import Foundation
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct SchemaTests {
    /// Everything a migration can leave behind.
    private static let objects = """
        SELECT kind || ' ' || name FROM (
            SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'
            UNION ALL SELECT 'extension', extname::text FROM pg_extension
            UNION ALL SELECT 'relation', c.oid::regclass::text FROM pg_class c WHERE relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
            UNION ALL SELECT 'function', p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
            UNION ALL SELECT 'type', t.oid::regtype::text FROM pg_type t WHERE typnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
        ) AS o (kind, name) ORDER BY 1
        """

    private static let versions = Migration.all.map(\.version)

    @Test("migrating up, down and up again leaves nothing behind and comes to the same schema")
    func upDownUp() async throws {
        let connection = try await TestDatabase.create().connect()
        let before = try connection.texts(Self.objects)
        #expect(try Schema.migrate(connection) == Self.versions)
        let migrated = try connection.texts(Self.objects)
        #expect(migrated.contains("relation fature_v2.affiliates_optimized"))
        #expect(try Schema.migrate(connection).isEmpty)
        #expect(try Schema.rollback(connection, to: 0) == Self.versions.reversed())
        #expect(try connection.texts(Self.objects) == before)
        #expect(try Schema.rollback(connection, to: 0).isEmpty)
        #expect(try Schema.migrate(connection) == Self.versions)
        #expect(try connection.texts(Self.objects) == migrated)
    }

    @Test("every single migration goes down to what was there before it")
    func eachStep() async throws {
        let connection = try await TestDatabase.create().connect()
        var before = try connection.texts(Self.objects)
        for version in Self.versions {
            #expect(try Schema.migrate(connection, to: version) == [version])
            let after = try connection.texts(Self.objects)
            #expect(try Schema.rollback(connection, steps: 1) == [version])
            #expect(try connection.texts(Self.objects) == before)
            try Schema.migrate(connection, to: version)
            before = after
        }
        try Schema.requireCurrent(connection)
    }

    @Test("a rollback is refused while a worker's lease is live, and while there is data unless it may be dropped")
    func refusedRollback() async throws {
        let connection = try await TestDatabase.create().connect()
        try Schema.migrate(connection)
        try connection.executeScript(
            """
            INSERT INTO fature_v2.worker_lease (name, address, capacity, version, expires_at)
            VALUES ('w', '127.0.0.1:1', 1, 'x', clock_timestamp() + interval '1 hour')
            """)
        #expect { try Schema.rollback(connection, to: 0, mayDropData: true) } throws: { ($0 as? SchemaError)?.code == .serving }
        try connection.executeScript(
            """
            UPDATE fature_v2.worker_lease SET expires_at = clock_timestamp() - interval '1 s';
            INSERT INTO fature_v2.affiliates_optimized (affiliate_id, hierarchy_level, shard_id, external_id, name, hierarchy_path)
            VALUES (1, 1, 0, 'E', 'N', '1')
            """)
        #expect { try Schema.rollback(connection, steps: 1) } throws: { ($0 as? SchemaError)?.code == .holdsData }
        try Schema.requireCurrent(connection)
        #expect(try Schema.rollback(connection, to: 0, mayDropData: true) == Self.versions.reversed())
    }

    @Test("an ltree that was there before stays")
    func foreignExtension() async throws {
        let connection = try await TestDatabase.create().connect()
        try connection.executeScript("CREATE EXTENSION ltree")
        let before = try connection.texts(Self.objects)
        try Schema.migrate(connection)
        try Schema.rollback(connection, to: 0)
        #expect(try connection.texts(Self.objects) == before)
    }

    @Test("four migrators at once apply each migration exactly once")
    func concurrentMigrators() async throws {
        let database = try await TestDatabase.create()
        let pool = try PostgresPool(configuration: try database.configuration(), connections: 4, pendingMax: 10)
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 { group.addTask { try await pool.withConnection { try Schema.migrate($0) } } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        await pool.shutdown()
        #expect(applied.sorted() == Self.versions)
        try Schema.requireCurrent(try database.connect())
    }

    @Test("a migrator gives up with a clear error while another holds the lock")
    func busy() async throws {
        let database = try await TestDatabase.create()
        let other = try database.connect()
        try other.transaction {
            _ = try other.execute("SELECT pg_advisory_xact_lock(hashtextextended('fature_v2.schema_migration', 0))")
            let error = #expect(throws: SchemaError.self) {
                try Schema.migrate(try database.connect(), lockTimeoutMilliseconds: 50)
            }
            #expect(error?.code == .busy)
        }
        try Schema.migrate(try database.connect(), lockTimeoutMilliseconds: 5000)
    }

    @Test("an applied migration with other SQL is refused by migrate, rollback and requireCurrent")
    func tamperedChecksum() async throws {
        let connection = try await TestDatabase.create().connect()
        try Schema.migrate(connection)
        var edited = Migration.all
        let last = edited.removeLast()
        edited.append(Migration(version: last.version, name: last.name, up: last.up + "\n-- edited", down: last.down))
        for attempt in [
            { _ = try Schema.migrate(connection, migrations: edited) },
            { _ = try Schema.rollback(connection, to: 0, migrations: edited) },
            { try Schema.requireCurrent(connection, migrations: edited) },
        ] {
            let error = #expect(throws: SchemaError.self) { try attempt() }
            #expect(error?.code == .checksumMismatch)
            #expect(error?.message.contains(last.name) == true)
        }
        let statuses = try Schema.status(connection, migrations: edited)
        #expect(statuses.last?.state == .changed)
        #expect(statuses.filter { $0.state == .changed }.count == 1)
        try Schema.requireCurrent(connection)
    }

    @Test("a database from a newer binary is refused and named")
    func newerDatabase() async throws {
        let connection = try await TestDatabase.create().connect()
        let version = Schema.currentVersion
        let newer = Migration.all + [Migration(version: version + 1, name: "from_the_future", up: "SELECT 1", down: "SELECT 1")]
        try Schema.migrate(connection, migrations: newer)
        let error = #expect(throws: SchemaError.self) { try Schema.requireCurrent(connection) }
        #expect(error?.code == .newerDatabase)
        #expect(error?.message.hasPrefix("database schema \(version + 1) is newer than this binary's \(version)") == true)
        #expect(throws: SchemaError.self) { try Schema.migrate(connection) }
        #expect(
            try Schema.status(connection).last == MigrationStatus(version: version + 1, name: "from_the_future", state: .unknown))
    }

    @Test("a migration that fails keeps nothing and those before it stay")
    func failing() async throws {
        let connection = try await TestDatabase.create().connect()
        let broken = Migration(
            version: Schema.currentVersion + 1, name: "broken", up: "CREATE TABLE fature_v2.half (); SELECT 1 / 0;", down: "")
        let error = #expect(throws: SchemaError.self) { try Schema.migrate(connection, migrations: Migration.all + [broken]) }
        #expect(error?.code == .migrationFailed)
        #expect(error?.message.contains("broken") == true)
        #expect(try connection.number("SELECT count(*) FROM pg_class WHERE relname = 'half'") == 0)
        try Schema.requireCurrent(connection)
    }

    @Test("a database without the schema, or with part of it, says which command to run")
    func notCurrent() async throws {
        let connection = try await TestDatabase.create().connect()
        for target in [nil, 2] {
            if let target { try Schema.migrate(connection, to: target) }
            let error = #expect(throws: SchemaError.self) { try Schema.requireCurrent(connection) }
            #expect(error?.code == .notCurrent)
            #expect(error?.message.hasSuffix("run: fature db migrate") == true)
        }
        let pending = try Schema.status(connection).filter { $0.state == .pending }.map(\.version)
        #expect(pending == Self.versions.filter { $0 > 2 })
        let error = #expect(throws: SchemaError.self) { try Schema.migrate(connection, to: 999) }
        #expect(error?.code == .unknownVersion)
    }

    @Test("the binary holds every migration file, numbered without gaps, as it stands in the folder")
    func files() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources/Store/Migrations")
            .standardized
        let files = Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
        var expected: Set<String> = []
        #expect(Self.versions == Array(1...Schema.currentVersion))
        for migration in Migration.all {
            let number = String(repeating: "0", count: 4 - String(migration.version).count) + String(migration.version)
            for (direction, sql) in [("up", migration.up), ("down", migration.down)] {
                let file = "\(number)_\(migration.name).\(direction).sql"
                expected.insert(file)
                #expect(try String(contentsOf: folder.appending(path: file), encoding: .utf8) == sql)
            }
        }
        #expect(files == expected)
    }
}
