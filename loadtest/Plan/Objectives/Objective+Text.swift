/// Objectives as people write them: `[operation.]metric comparison bound`, blanks allowed between.
///
/// Bounds of times need their unit (`us`, `ms`, `s`, `min`), of shares `%` or a number from 0 to 1; counts are whole numbers.
extension Objective {
    /// The longest text that is read, bytes.
    package static let bytesMax = 200

    /// Reads an objective. `operations` are the scenario's; nil: any name is taken.
    package init(_ text: String, operations: [String]? = nil) throws(ObjectiveError) {
        guard text.utf8.count <= Self.bytesMax else {
            throw ObjectiveError(String(text.prefix(40)) + "…", "an objective has at most \(Self.bytesMax) bytes")
        }
        guard let sign = text.firstIndex(where: { "<>=!".contains($0) }) else {
            throw ObjectiveError(text, "there is no comparison; write \(Self.example)")
        }
        let signEnd = text[sign...].firstIndex { !"<>=!".contains($0) } ?? text.endIndex
        guard let comparison = Comparison(rawValue: String(text[sign..<signEnd])) else {
            throw ObjectiveError(text, "'\(text[sign..<signEnd])' is no comparison; write one of < <= == >= >")
        }
        let (operation, metric) = try Self.subject(text[..<sign].trimmed, of: text)
        let bound = try Self.bound(text[signEnd...].trimmed, metric, of: text)
        if let operation {
            if metric.isOfRunOnly {
                throw ObjectiveError(text, "\(Self.name(of: metric)) is a number of the whole run; leave out '\(operation).'")
            }
            if let operations, !operations.contains(operation) {
                throw ObjectiveError(
                    text, "there is no operation '\(operation)'; there are \(operations.joined(separator: ", "))")
            }
        }
        self.init(text: text, operation: operation, metric: metric, comparison: comparison, bound: bound)
    }

    private static let example =
        "something like p99<10ms, network.p99.9<=20ms, errors==0, error_rate<0.1%, rate>=50000, lost==0 or gap<5s"

    /// What is measured in one word, but for percentiles.
    static let metrics: [(name: String, metric: Metric)] = [
        ("max", .max), ("mean", .mean), ("errors", .errors), ("error_rate", .errorRate), ("rate", .rate), ("lost", .lost),
        ("doubled", .doubled), ("wrong", .wrong), ("wrong_answers", .wrongAnswers), ("gap", .gap), ("overflow", .overflow),
    ]

    static func name(of metric: Metric) -> String {
        if case .percentile(let percent) = metric {
            return percent == percent.rounded() ? "p\(Int(percent))" : "p\(percent)"
        }
        return metrics.first { $0.metric == metric }?.name ?? ""
    }

    /// The metric of a word; nil: it is none.
    package static func metric(_ word: some StringProtocol) -> Metric? {
        if let known = metrics.first(where: { $0.name == word }) { return known.metric }
        guard word.first == "p", let percent = Quantities.decimal(word.dropFirst()), percent > 0, percent <= 100 else {
            return nil
        }
        return .percentile(percent)
    }

    private static func subject(_ words: Substring, of text: String) throws(ObjectiveError) -> (String?, Metric) {
        if let metric = metric(words) { return (nil, metric) }
        var last = words
        if let dot = words.firstIndex(of: ".") {
            last = words[words.index(after: dot)...]
            if let metric = metric(last) {
                guard dot > words.startIndex else {
                    throw ObjectiveError(text, "an operation's name is missing before the point")
                }
                return (String(words[..<dot]), metric)
            }
        }
        throw ObjectiveError(
            text,
            "'\(last)' is nothing that is measured; there are p50 to p99.999, \(metrics.map(\.name).joined(separator: ", "))")
    }

    private static func bound(_ words: Substring, _ metric: Metric, of text: String) throws(ObjectiveError) -> Double {
        let bound: Double? =
            switch metric {
            case .percentile, .max, .mean, .gap: Quantities.microseconds(words)
            case .errorRate: Quantities.share(words)
            case .rate: Quantities.decimal(words.hasSuffix("/s") ? words.dropLast(2) : words)
            case .errors, .lost, .doubled, .wrong, .wrongAnswers, .overflow: Quantities.whole(words).map { Double($0) }
            }
        guard let bound else {
            throw ObjectiveError(text, "'\(words)' is no bound for \(name(of: metric)); write \(metric.boundText)")
        }
        return bound
    }
}

extension Objective.Metric {
    /// Whether it is not counted by operation.
    var isOfRunOnly: Bool {
        switch self {
        case .lost, .doubled, .wrong, .wrongAnswers, .gap: true
        case .percentile, .max, .mean, .errors, .errorRate, .rate, .overflow: false
        }
    }

    fileprivate var boundText: String {
        switch self {
        case .percentile, .max, .mean, .gap: "a time with its unit, as in 250us, 10ms, 1.5s or 2min"
        case .errorRate: "a share as in 0.1% or 0.001, at most 100%"
        case .rate: "requests a second, as in 50000"
        case .errors, .lost, .doubled, .wrong, .wrongAnswers, .overflow: "a whole number, as in 0"
        }
    }
}

extension Substring {
    /// Without blanks around it.
    fileprivate var trimmed: Substring {
        var trimmed = self
        while trimmed.first == " " { trimmed.removeFirst() }
        while trimmed.last == " " { trimmed.removeLast() }
        return trimmed
    }
}
