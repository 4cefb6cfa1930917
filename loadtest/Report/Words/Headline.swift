import LoadPlan
import LoadRecord

/// What a run comes to, in words: the same in every form of report.
struct Headline: Sendable {
    enum Tone: String, Sendable { case good, bad, warning }

    let tone: Tone
    /// `All 5 objectives held`
    let title: String
    /// How much was asked and how it was answered.
    let sentence: String
    /// What a reader must know before believing a figure.
    let cautions: [String]

    init(_ record: RunRecord, _ judgement: RunJudgement, total: OperationRecord) {
        let count = judgement.objectives.count
        switch judgement.verdict {
        case .invalid:
            tone = .warning
            title = "Invalid run: its figures do not count"
        case .missed:
            tone = .bad
            title = "\(judgement.missed) of \(count) objective\(count == 1 ? "" : "s") missed"
        case .held where count == 0:
            tone = total.errors == 0 ? .good : .warning
            title = "Finished; no objectives were set"
        case .held:
            tone = .good
            title = count == 1 ? "The objective held" : "All \(count) objectives held"
        }
        sentence = Self.sentence(record, total: total)
        cautions = Self.cautions(record, total: total)
    }

    /// Of requests that had to wait for a stream; nil: none had to.
    static func waiting(_ total: OperationRecord) -> String? {
        guard !total.waited.isEmpty else { return nil }
        let count = Int(clamping: total.waited.count)
        return
            "\(Quantity.count(count)) requests (\(Quantity.share(Double(count) / Double(max(1, total.requests))))) found no free stream at their time and waited for one: "
            + "half at most \(Quantity.time(microseconds: total.waited.percentile(50))), the longest \(Quantity.time(microseconds: total.waited.max)). "
            + "Their response times hold it; more connections would lessen it."
    }

    private static func sentence(_ record: RunRecord, total: OperationRecord) -> String {
        let length = Quantity.length(seconds: record.seconds)
        var text =
            record.isClosedLoop
            ? "\(Quantity.rate(record.answerRate)) answered for \(length)."
            : "\(Quantity.rate(record.plannedRate)) planned and \(Quantity.rate(record.answerRate)) answered, for \(length)."
        if total.response.isEmpty { return text + " No answer came." }
        text += " Half of the answers took at most \(Quantity.time(microseconds: total.response.percentile(50)))"
        text += ", 99 of 100 at most \(Quantity.time(microseconds: total.response.percentile(99)))"
        text += ", the slowest \(Quantity.time(microseconds: total.response.max))."
        text +=
            total.errors == 0
            ? " Every request ended well."
            : " \(Quantity.count(total.errors)) of \(Quantity.count(total.requests)) requests did not end well (\(Quantity.share(total.errorShare)))."
        return text
    }

    private static func cautions(_ record: RunRecord, total: OperationRecord) -> [String] {
        var cautions = record.invalid.map { "Invalid: \($0)" }
        if let aborted = record.aborted { cautions.append("Ended before its time: \(aborted)") }
        if record.isClosedLoop {
            cautions.append(
                "Closed loop: a request is sent when another is answered, so a slow server is asked less, and waiting is hidden. "
                    + "These times are no answer to how long a user waits.")
        }
        if total.withoutAnswer > 0 {
            cautions.append(
                "\(Quantity.count(total.withoutAnswer)) requests never got an answer. They are in no percentile below; "
                    + "objectives count them as slower than any answer.")
        }
        if total.overflow > 0 {
            cautions.append(
                "\(Quantity.count(total.overflow)) requests were not sent, because \(Quantity.count(record.scenario.maxInFlight)) were in flight; "
                    + "they count as errors.")
        }
        if let reason = record.ledger?.unchecked { cautions.append("The ledger was not checked: \(reason)") }
        return cautions
    }
}
