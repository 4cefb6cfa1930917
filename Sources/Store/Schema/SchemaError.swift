/// Why the database's schema cannot be used, migrated or rolled back.
package struct SchemaError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// Migrations of this binary are not applied yet.
        case notCurrent
        /// The database has migrations this binary does not know.
        case newerDatabase
        /// An applied migration is not the one of the same version in this binary.
        case checksumMismatch
        /// Another migration holds the lock, or a table a migration needs stayed locked.
        case busy
        /// The SQL of a migration failed; its transaction was rolled back.
        case migrationFailed
        /// Workers are serving what a rollback would take away.
        case serving
        /// A rollback would drop affiliates, and the caller has not said that it may.
        case holdsData
        /// The version asked for does not exist.
        case unknownVersion
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
