/// Row locks: shared or exclusive, waited for in the order of asking.
struct Locks {
    enum Key: Hashable {
        case shard(Int)
        case sequence(Int)
    }

    enum Mode { case shared, exclusive }

    private struct Row {
        var holders: [(statement: Int, mode: Mode)] = []
        var waiting: [(statement: Int, mode: Mode)] = []
    }

    private var rows: [Key: Row] = [:]

    /// Takes the lock, or waits for it in line. True: taken.
    mutating func take(_ key: Key, _ mode: Mode, for statement: Int) -> Bool {
        var row = rows[key] ?? Row()
        defer { rows[key] = row }
        if Self.fits(mode, row, statement) {
            row.holders.append((statement, mode))
            return true
        }
        row.waiting.append((statement, mode))
        return false
    }

    /// A shared lock passes by those who wait for an exclusive one, as in PostgreSQL.
    private static func fits(_ mode: Mode, _ row: Row, _ statement: Int) -> Bool {
        row.holders.allSatisfy { $0.statement == statement || (mode == .shared && $0.mode == .shared) }
    }

    /// Gives back all locks and places in line of a statement; returns those whose turn has come.
    mutating func release(_ keys: [(Key, Mode)], of statement: Int) -> [Int] {
        var woken: [Int] = []
        for (key, _) in keys {
            guard var row = rows[key] else { continue }
            row.holders.removeAll { $0.statement == statement }
            row.waiting.removeAll { $0.statement == statement }
            while let next = row.waiting.first, Self.fits(next.mode, row, next.statement) {
                row.waiting.removeFirst()
                row.holders.append(next)
                woken.append(next.statement)
            }
            rows[key] = row.holders.isEmpty && row.waiting.isEmpty ? nil : row
        }
        return woken
    }

    func holders(of key: Key) -> [Int] { rows[key]?.holders.map(\.statement) ?? [] }
}
