/// What a migration or a rollback did, as `--json` shows it.
struct SchemaChange: Encodable {
    let applied: [Int]
    let rolledBack: [Int]
    /// The newest version the database has now, 0 for none.
    let version: Int
}
