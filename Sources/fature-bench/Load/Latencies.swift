/// Every latency of a load in microseconds, kept whole: percentiles are exact.
struct Latencies {
    private var values: [UInt32] = []

    var count: Int { values.count }

    init(capacity: Int = 0) { values.reserveCapacity(capacity) }

    mutating func add(nanoseconds: UInt64) { values.append(UInt32(clamping: nanoseconds / 1000)) }

    mutating func removeAll() { values.removeAll(keepingCapacity: true) }

    /// The latencies below which so many of 1,000 lie, in microseconds; all zero if there are none.
    func permille(_ wanted: [Int]) -> [UInt32] {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return wanted.map { _ in 0 } }
        return wanted.map { sorted[min(sorted.count - 1, (sorted.count * $0 + 999) / 1000 - ($0 == 0 ? 0 : 1))] }
    }

    /// p50, p99, p99.9 and the largest, as cells of a table.
    var cells: [String] { permille([500, 990, 999, 1000]).map { Figure.milliseconds(microseconds: $0) } }
    static let header = ["p50", "p99", "p99.9", "max"]
}
