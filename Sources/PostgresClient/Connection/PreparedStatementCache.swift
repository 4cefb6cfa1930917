import CPostgreSQL

/// Which statements are prepared on the server, by SQL text and parameter types; the least recently used go first.
struct PreparedStatementCache {
    struct Key: Hashable {
        let sql: String
        let types: [Oid]
    }

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    /// How many statements stay prepared.
    let statementsMax: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0
    private var namesGiven: UInt64 = 0
    /// Names the server still holds and we no longer want.
    private(set) var condemned: [String] = []

    init(statementsMax: Int) { self.statementsMax = max(1, statementsMax) }

    /// Whether the server holds as many unwanted statements as wanted ones: nothing more is prepared until they are dropped,
    /// which has to wait for the end of a transaction.
    var isOverfull: Bool { condemned.count >= statementsMax }

    func holds(_ key: Key) -> Bool { entries[key] != nil }

    mutating func name(of key: Key) -> String? {
        uses += 1
        entries[key]?.lastUse = uses
        return entries[key]?.name
    }

    /// A name never used before in this session.
    mutating func newName() -> String {
        namesGiven += 1
        return "fature_\(namesGiven)"
    }

    /// The server has prepared `key` under `name`. Past the limit a quarter of all, the longest unused, are condemned at
    /// once, so that a stream of new statements costs few extra round trips.
    mutating func insert(_ key: Key, name: String) {
        uses += 1
        entries[key] = Entry(name: name, lastUse: uses)
        guard entries.count > statementsMax else { return }
        let kept = statementsMax - statementsMax / 4
        for (old, entry) in entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(entries.count - kept) {
            entries[old] = nil
            condemned.append(entry.name)
        }
    }

    /// The statement must be prepared anew before its next use.
    mutating func forget(_ key: Key, isGoneOnServer: Bool) {
        guard let entry = entries.removeValue(forKey: key), !isGoneOnServer else { return }
        condemned.append(entry.name)
    }

    mutating func condemnedAreGone() { condemned.removeAll() }

    /// The session ended, and with it everything prepared.
    mutating func removeAll() {
        entries.removeAll()
        condemned.removeAll()
    }
}
