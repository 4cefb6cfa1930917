import LoadPlan

/// Two runs of the same load: how much slower or faster the second one was, and whether the difference is more than the runs' own ups and downs.
package struct RunComparison: Sendable, Codable {
    package enum Verdict: String, Sendable, Codable {
        case better, worse
        case noDifference = "no difference shown"
        case notJudged = "not judged"
    }

    /// One figure of both runs.
    package struct Row: Sendable, Codable {
        /// `p99`, `rate`, `errors`
        package var metric: String
        /// Times in microseconds, rates in answers a second, errors as a share of the requests.
        package var a: Double
        package var b: Double
        /// b ÷ a; of errors b − a, because a has often none. Nil: a is 0.
        package var change: Double?
        /// Where the change lies with the group's confidence.
        package var low: Double?
        package var high: Double?
        package var verdict: Verdict
        /// Why it was not judged.
        package var reason: String?

        package var isDifference: Bool { metric == RunComparison.errorsMetric }
    }

    /// All operations together, or one of them.
    package struct Group: Sendable, Codable {
        /// Nil: all together.
        package var operation: String?
        package var confidence: Double
        package var rows: [Row]
    }

    /// Why two records are not compared.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package static let schemaName = "fature.loadtest.comparison"
    package static let schemaVersion = 1
    /// Of all statements about the operations together, and of those about all requests.
    package static let confidence = 0.95
    package static let resamples = 2000
    package static let seed: UInt64 = 20_260_101
    package static let percents: [Double] = [50, 90, 99, 99.9]
    /// Changes within it say nothing: windows keep times in two significant digits, which is 1%.
    package static let margin = 0.01
    /// Fewer windows do not tell how a run varies.
    package static let partsMin = 10
    /// As many answers must lie above a percentile before it is compared.
    package static let tailMin = 10.0
    static let errorsMetric = "errors"

    package var schema = schemaName
    package var version = schemaVersion
    package var groups: [Group]
    /// In what the two runs' loads differ, when comparing was forced.
    package var differences: [String]
    /// Why either run is invalid.
    package var invalid: [String]

    /// - Throws: `Refusal` when the two runs did not have the same load, unless forced.
    package init(_ a: RunRecord, _ b: RunRecord, isForced: Bool = false, resamples: Int = Self.resamples) throws {
        differences = Self.differences(a.scenario, b.scenario)
        guard differences.isEmpty || isForced else {
            throw Refusal(
                description: "the two runs had different loads (\(differences.joined(separator: "; "))): "
                    + "compare runs of one scenario, or add --force")
        }
        invalid = a.invalid.map { "first run: \($0)" } + b.invalid.map { "second run: \($0)" }
        let pairs = a.operations.compactMap { first in
            b.operations.first { $0.name == first.name }.map { (first, $0) }
        }
        groups = [
            Self.group(
                operation: nil, Side(whole: a), Side(whole: b), confidence: Self.confidence, resamples: resamples)
        ]
        // Bonferroni: with so many operations, one of them would look worse by chance in every other comparison.
        let each = 1 - (1 - Self.confidence) / Double(max(1, pairs.count))
        if pairs.count > 1 {
            groups += pairs.map { first, second in
                Self.group(
                    operation: first.name, Side(first, of: a), Side(second, of: b), confidence: each, resamples: resamples)
            }
        }
    }

    /// Worse if anything is: over all, or of one operation.
    package var verdict: Verdict {
        let verdicts = groups.flatMap(\.rows).map(\.verdict)
        if verdicts.contains(.worse) { return .worse }
        if verdicts.contains(.better) { return .better }
        return verdicts.contains(.noDifference) ? .noDifference : .notJudged
    }

    /// 0: not worse. 1: worse. 2: an invalid run, or nothing could be judged.
    package var exitStatus: Int {
        if !invalid.isEmpty { return 2 }
        return switch verdict {
        case .worse: 1
        case .notJudged: 2
        case .better, .noDifference: 0
        }
    }

    // MARK: - One group

    private struct Side {
        var total: OperationRecord
        var answerRate: Double
        var sample: WindowedSample
        var hasErrorsByPart: Bool

        init(whole record: RunRecord) {
            total = record.total
            answerRate = record.answerRate
            hasErrorsByPart = true
            sample = WindowedSample(
                record.windows.map {
                    WindowedSample.Part(
                        histogram: $0.response, answered: $0.answered, errors: $0.errors,
                        requests: max($0.planned, $0.outcomes.total + $0.overflow), seconds: Double(record.windowSeconds))
                })
        }

        init(_ operation: OperationRecord, of record: RunRecord) {
            total = operation
            answerRate = record.seconds > 0 ? Double(operation.response.count) / record.seconds : 0
            hasErrorsByPart = false
            sample = WindowedSample(
                operation.slices.enumerated().map { index, slice in
                    let rest = record.seconds - Double(index * record.sliceSeconds)
                    return WindowedSample.Part(
                        histogram: slice, answered: Int(clamping: slice.count),
                        seconds: min(Double(record.sliceSeconds), max(rest, 0)))
                })
        }
    }

    private static func group(
        operation: String?, _ a: Side, _ b: Side, confidence: Double, resamples: Int
    ) -> Group {
        var rows = percents.map { percent in
            Row(
                metric: "p\(Quantity.plain(percent))", a: Double(a.total.response.percentile(percent)),
                b: Double(b.total.response.percentile(percent)), verdict: .notJudged)
        }
        rows.append(Row(metric: "rate", a: a.answerRate, b: b.answerRate, verdict: .notJudged))
        rows.append(Row(metric: errorsMetric, a: a.total.errorShare, b: b.total.errorShare, verdict: .notJudged))
        for index in rows.indices {
            let row = rows[index]
            rows[index].change = row.isDifference ? row.b - row.a : row.a > 0 ? row.b / row.a : nil
        }
        guard min(a.sample.parts.count, b.sample.parts.count) >= partsMin else {
            for index in rows.indices { rows[index].reason = "fewer than \(partsMin) windows" }
            return Group(operation: operation, confidence: confidence, rows: rows)
        }
        let changes = resampled(a.sample, b.sample, resamples: resamples)
        let parts = min(a.sample.parts.count, b.sample.parts.count)
        let outside = ExpandedInterval.tail(confidence: confidence, blocks: parts / BlockBootstrap.blockLength(count: parts))
        for index in rows.indices {
            if index < percents.count, tail(a, percents[index]) < tailMin || tail(b, percents[index]) < tailMin {
                rows[index].reason = "too few answers above it"
            } else if rows[index].isDifference, !(a.hasErrorsByPart && b.hasErrorsByPart) {
                rows[index].reason = "over all only"
            } else {
                judge(&rows[index], changes[index], tail: outside)
            }
        }
        return Group(operation: operation, confidence: confidence, rows: rows)
    }

    private static func tail(_ side: Side, _ percent: Double) -> Double {
        Double(side.total.response.count) * (100 - percent) / 100
    }

    /// The changes of each row: first that of the samples as they are, then those of the resamples.
    private static func resampled(_ a: WindowedSample, _ b: WindowedSample, resamples: Int) -> [[Double]] {
        var bootstrap = BlockBootstrap(seed: seed)
        func changes(_ drawnA: [Int], _ drawnB: [Int]) -> [Double] {
            let (x, y) = (a.figures(drawn: drawnA, percents: percents), b.figures(drawn: drawnB, percents: percents))
            var all = zip(x.percentiles, y.percentiles).map { $1 / $0 }
            all.append(y.answerRate / x.answerRate)
            all.append(y.errorShare - x.errorShare)
            return all
        }
        let counts = (a.parts.count, b.parts.count)
        var lists = changes([Int](repeating: 1, count: counts.0), [Int](repeating: 1, count: counts.1)).map { [$0] }
        for _ in 0..<resamples {
            let drawnA = bootstrap.draw(count: counts.0)
            // The same windows of both: what the load's own shape does to them, a ramp say, is then no difference.
            let drawnB = counts.0 == counts.1 ? drawnA : bootstrap.draw(count: counts.1)
            for (index, change) in changes(drawnA, drawnB).enumerated() { lists[index].append(change) }
        }
        return lists
    }

    /// - Parameters:
    ///   - changes: first that of the samples as they are, then those of the resamples.
    ///   - tail: the share of the resamples outside of the interval on either side.
    private static func judge(_ row: inout Row, _ changes: [Double], tail: Double) {
        guard let change = row.change, let sampled = changes.first else {
            row.reason = "the first run has none"
            return
        }
        let drawn = changes.dropFirst().filter(\.isFinite).sorted()
        guard sampled.isFinite, drawn.count >= changes.count / 2 else {
            row.reason = "too few answers"
            return
        }
        let outside = min(Int(tail * Double(drawn.count)), drawn.count / 2)
        var (low, high) = (drawn[outside], drawn[drawn.count - 1 - outside])
        if row.isDifference {
            row.verdict = low > 0 ? .worse : high < 0 ? .better : .noDifference
        } else {
            // Windows are coarser than the whole: their interval is laid around the whole's ratio.
            if sampled > 0 {
                low *= change / sampled
                high *= change / sampled
            }
            let isHigher = low > 1 + margin
            let isLower = high < 1 - margin
            let isRate = row.metric == "rate"
            row.verdict = isHigher ? (isRate ? .better : .worse) : isLower ? (isRate ? .worse : .better) : .noDifference
        }
        row.low = low
        row.high = high
    }

    // MARK: - The same load

    private static func differences(_ a: Scenario, _ b: Scenario) -> [String] {
        var found: [String] = []
        if a.name != b.name { found.append("scenario \(a.name) and \(b.name)") }
        if a.seed != b.seed { found.append("seed \(a.seed) and \(b.seed)") }
        if a.phases != b.phases { found.append("phases") }
        if a.operations != b.operations { found.append("operations") }
        if a.affiliates != b.affiliates { found.append("choice of affiliates") }
        if a.connections != b.connections { found.append("\(a.connections) and \(b.connections) connections") }
        if a.maxInFlight != b.maxInFlight { found.append("max_in_flight \(a.maxInFlight) and \(b.maxInFlight)") }
        if a.timeoutMilliseconds != b.timeoutMilliseconds { found.append("timeout") }
        if a.warmUpSeconds != b.warmUpSeconds { found.append("warm-up") }
        if a.events != b.events { found.append("events") }
        return found
    }
}
