import Foundation
import LoadPlan

/// A run's JSON: the record itself, and beside it a `summary` for people and programs that do not read histograms. Reading ignores the summary.
package enum RunFile {
    /// Why a text is not a run's record.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package enum Code: Sendable { case notJSON, otherSchema, otherVersion, incomplete }
        package let code: Code
        package let description: String
    }

    private struct Head: Decodable {
        var schema: String?
        var version: Int?
    }

    private struct Document: Encodable {
        private enum CodingKeys: String, CodingKey { case summary }
        let record: RunRecord

        func encode(to encoder: any Encoder) throws {
            try record.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(RunSummary(record), forKey: .summary)
        }
    }

    /// Keys are in alphabetical order, so that the same record is the same bytes.
    package static func encode(_ record: RunRecord) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(Document(record: record))) + [UInt8(ascii: "\n")]
    }

    /// A comparison's JSON, schema `fature.loadtest.comparison`.
    package static func encode(_ comparison: RunComparison) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return Array(try encoder.encode(comparison)) + [UInt8(ascii: "\n")]
    }

    /// - Throws: `Failure`, in words to put behind the file's name.
    package static func decode(_ bytes: [UInt8]) throws -> RunRecord {
        let data = Data(bytes)
        let decoder = JSONDecoder()
        guard let head = try? decoder.decode(Head.self, from: data) else {
            throw Failure(
                code: .notJSON,
                description: "it is not a JSON object: give a file that `fature loadtest run --json FILE` has written")
        }
        guard head.schema == RunRecord.schemaName else {
            throw Failure(
                code: .otherSchema,
                description:
                    "its schema is \(head.schema.map { "'\($0.prefix(60))'" } ?? "not given"), not '\(RunRecord.schemaName)': "
                    + "give a file that `fature loadtest run --json FILE` has written")
        }
        guard head.version == RunRecord.schemaVersion else {
            throw Failure(
                code: .otherVersion,
                description: "its version is \(head.version.map(String.init) ?? "not given"), and this program reads version "
                    + "\(RunRecord.schemaVersion): use the version of fature that wrote it")
        }
        do {
            let record = try decoder.decode(RunRecord.self, from: data)
            if let fault = record.fault { throw Failure(code: .incomplete, description: "it is damaged: \(fault)") }
            return record
        } catch let error as DecodingError {
            throw Failure(code: .incomplete, description: "it is damaged: \(Self.words(error))")
        }
    }

    private static func words(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            let path = (context.codingPath + (key.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? "the top" : path
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(place(context, key)) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(place(context)) has another type"
        case .dataCorrupted(let context): "\(place(context)): \(context.debugDescription)"
        @unknown default: "unreadable"
        }
    }
}

extension RunRecord {
    /// What no run can have come to; nil: nothing. What comes from a file or over the network is looked through before it is reckoned with.
    package var fault: String? {
        let lengths = 1...Int(Scenario.secondsMax)
        guard lengths.contains(windowSeconds), lengths.contains(sliceSeconds), seconds >= 0, seconds <= Scenario.secondsMax else {
            return "windowSeconds, sliceSeconds or seconds is no length of a run"
        }
        guard windows.count <= lengths.upperBound, operations.count <= Scenario.operationsMax else {
            return "more windows or operations than a run can have"
        }
        let numbers =
            operations.flatMap { [$0.planned, $0.overflow] + Array($0.statuses.values) }
            + windows.flatMap { [$0.planned, $0.overflow, $0.answered, $0.inFlightMax] }
        guard numbers.allSatisfy(Self.counts.contains), operations.allSatisfy({ (0...1 << 53).contains($0.bytes) }) else {
            return "a count is below 0 or beyond reason"
        }
        return nil
    }
}

/// The figures most asked for. Times in microseconds.
package struct RunSummary: Codable, Sendable, Equatable {
    package struct Times: Codable, Sendable, Equatable {
        package var p50, p90, p99, p999, p9999, max: UInt64
        package var mean: Double

        init(_ histogram: TimeHistogram) {
            p50 = histogram.percentile(50)
            p90 = histogram.percentile(90)
            p99 = histogram.percentile(99)
            p999 = histogram.percentile(99.9)
            p9999 = histogram.percentile(99.99)
            max = histogram.max
            mean = histogram.mean
        }
    }

    package var verdict: RunVerdict
    package var exitStatus: Int
    package var objectives: [ObjectiveResult]
    package var plannedRate: Double
    package var answerRate: Double
    package var planned: Int
    package var ok: Int
    package var errors: Int
    package var withoutAnswer: Int
    /// Of the answers; requests without an answer are in none of them.
    package var response: Times
    package var service: Times
    package var slip: Times
    /// By operation.
    package var operations: [String: Times]

    package init(_ record: RunRecord) {
        let total = record.total
        let judgement = RunJudgement(record)
        verdict = judgement.verdict
        exitStatus = judgement.verdict.exitStatus
        objectives = judgement.objectives
        plannedRate = record.plannedRate
        answerRate = record.answerRate
        planned = total.planned
        ok = total.outcomes[.ok]
        errors = total.errors
        withoutAnswer = total.withoutAnswer
        response = Times(total.response)
        service = Times(total.service)
        slip = Times(total.slip)
        operations = Dictionary(record.operations.map { ($0.name, Times($0.response)) }, uniquingKeysWith: { first, _ in first })
    }
}
