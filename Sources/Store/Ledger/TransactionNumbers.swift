import PostgresClient

/// Numbers for transactions, taken from PostgreSQL in blocks. Unused ones are lost at the end of the process, which harms nothing.
package struct TransactionNumbers {
    /// The sequence's increment: a block belongs to whoever drew its first number.
    package static let blockSize: Int64 = 1000

    private var next: Int64 = 0
    private var end: Int64 = 0
    private var blocks: [Int64] = []

    package init() {}

    /// Makes sure that `count` numbers can be taken, asking PostgreSQL if need be.
    package mutating func reserve(_ count: Int, on connection: PostgresConnection) throws {
        let left = Int(end - next) + blocks.count * Int(Self.blockSize)
        guard left < count else { return }
        let missing = (count - left + Int(Self.blockSize) - 1) / Int(Self.blockSize)
        let result = try connection.execute(
            "SELECT nextval('fature_v2.transaction_id_seq') FROM generate_series(1, $1)", [.int(Int64(missing))])
        for row in 0..<result.rowCount { blocks.append(try result.int(row, 0)) }
    }

    /// The next number. `reserve` must have promised it.
    package mutating func take() -> Int64 {
        if next == end {
            next = blocks.removeFirst()
            end = next + Self.blockSize
        }
        defer { next += 1 }
        return next
    }
}
