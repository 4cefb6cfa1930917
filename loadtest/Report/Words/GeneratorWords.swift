import LoadRecord

extension AgentRecord {
    /// What it runs on: `A processor, 2 cores, Linux 6.1.0`; empty: an older version's record.
    var hostWords: String { host.map { "\($0.processor), \($0.cores) core\($0.cores == 1 ? "" : "s"), \($0.kernel)" } ?? "" }

    /// How late it was, as far as it has told.
    var slipWords: String { slipP99Microseconds.map { Quantity.time(microseconds: $0) } ?? "–" }

    /// By how much its start may have been off the controller's.
    var clockWords: String { clockErrorMicroseconds.map { "± \(Quantity.time(microseconds: $0))" } ?? "–" }
}

extension RunRecord {
    /// Several generators have sent it together.
    var isShared: Bool { agents.count > 1 || agents.contains { $0.clockErrorMicroseconds != nil } }
}
