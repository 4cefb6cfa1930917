/// How a request ended.
package enum Outcome: Int, Sendable, Codable, CaseIterable {
    /// 2xx, or a status that its operation expects.
    case ok
    case redirect, refused, failed
    /// The server did nothing: REFUSED_STREAM, or a stream above GOAWAY's last one.
    case refusedStream
    /// Any other RST_STREAM.
    case reset
    /// The connection ended.
    case lost
    case timeout
    /// No stream was free until its timeout: no connection up, or all at their limit.
    case unsent

    package var name: String {
        switch self {
        case .ok: "ok"
        case .redirect: "redirect"
        case .refused: "refused"
        case .failed: "failed"
        case .refusedStream: "refused_stream"
        case .reset: "reset"
        case .lost: "lost"
        case .timeout: "timeout"
        case .unsent: "unsent"
        }
    }
}

/// How many requests ended how, by `Outcome.rawValue`.
package struct OutcomeCounts: Sendable, Equatable {
    package var counts = [Int](repeating: 0, count: Outcome.allCases.count)

    package init() {}

    package subscript(_ outcome: Outcome) -> Int {
        get { counts[outcome.rawValue] }
        set { counts[outcome.rawValue] = newValue }
    }

    package var total: Int { counts.reduce(0, +) }
    package var errors: Int { total - self[.ok] }

    package mutating func add(_ other: Self) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }
}

extension OutcomeCounts: Codable {
    private enum CodingKeys: String, CodingKey { case counts }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        counts = try container.decode([Int].self, forKey: .counts)
        guard counts.count == Outcome.allCases.count, counts.allSatisfy(RunRecord.counts.contains) else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: container,
                debugDescription: "outcomes are \(Outcome.allCases.count) counts from 0 to \(RunRecord.counts.upperBound)")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(counts, forKey: .counts)
    }
}
