import Core
import JobQueue
import Store

/// Jobs and dead letters as tables and as JSON.
enum JobText {
    struct Document: Encodable {
        let id: String?
        let shard: Int
        /// `waiting`, `in_hand`, `delayed`, `dead`.
        let state: String
        let consumer: String?
        /// Since it was given to its consumer, or until it is tried again.
        let milliseconds: Int64?
        let failures: Int?
        let crashes: Int?
        let enqueuedAt: String?
        let lastCause: String?
        let lastError: String?

        init(_ found: InspectedJob, shard: ShardID, nowMilliseconds: Int64) {
            let job = found.job
            id = job?.id.text
            self.shard = Int(shard.rawValue)
            switch found.place {
            case .waiting: (state, consumer, milliseconds) = ("waiting", nil, nil)
            case .inHand(let name, let time): (state, consumer, milliseconds) = ("in_hand", name, time)
            case .delayed(let due): (state, consumer, milliseconds) = ("delayed", nil, max(0, due - nowMilliseconds))
            case .dead: (state, consumer, milliseconds) = ("dead", nil, nil)
            }
            failures = job?.failures
            crashes = job?.crashes
            enqueuedAt = job.map { MomentText.of(microseconds: $0.enqueuedAtMilliseconds * 1000) }
            lastCause = job?.lastCause?.word
            lastError = job.flatMap { $0.lastError.isEmpty ? nil : $0.lastError }
        }
    }

    static func table(_ jobs: [Document]) -> String {
        var table = TextTable(["job", "shard", "state", "failures", "crashes", "enqueued at", "where"])
        for job in jobs {
            let place =
                switch job.state {
                case "in_hand": "\(job.consumer ?? "") for \(job.milliseconds ?? 0) ms"
                case "delayed": "due in \(job.milliseconds ?? 0) ms, \(job.lastCause ?? "")"
                default: ""
                }
            table.add([
                job.id ?? "(not a job)", String(job.shard), job.state, job.failures.map(String.init) ?? "",
                job.crashes.map(String.init) ?? "", job.enqueuedAt ?? "", place,
            ])
        }
        return table.text
    }

    struct Letter: Encodable {
        let deadLetterId: Int64
        let queue: String
        let jobId: String
        let shard: Int
        let state: String
        let cause: String
        let error: String
        let failures: Int
        let crashes: Int
        let enqueuedAt: String
        let deadAt: String
        let decidedAt: String?
        let decidedBy: String?
        let decidedReason: String?
        /// As text where it is UTF-8, else in hexadecimal digits behind `0x`.
        let payload: String

        init(_ stored: StoredDeadLetter) {
            deadLetterId = stored.id
            queue = stored.letter.queue
            jobId = stored.letter.jobID
            shard = Int(stored.letter.shard.rawValue)
            state = stored.state.rawValue
            cause = stored.letter.cause
            error = stored.letter.error
            failures = stored.letter.failures
            crashes = stored.letter.crashes
            enqueuedAt = MomentText.of(microseconds: stored.letter.enqueuedAtMicroseconds)
            deadAt = MomentText.of(microseconds: stored.deadAtMicroseconds)
            decidedAt = stored.decision.map { MomentText.of(microseconds: $0.atMicroseconds) }
            decidedBy = stored.decision?.actor
            decidedReason = stored.decision?.reason
            payload =
                String(validating: stored.letter.payload, as: UTF8.self)
                ?? "0x" + stored.letter.payload.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        }
    }

    private static let errorWidth = 60

    static func table(_ letters: [Letter]) -> String {
        var table = TextTable(["dead letter", "queue", "job", "shard", "state", "cause", "dead at", "error"])
        for letter in letters {
            table.add([
                String(letter.deadLetterId), letter.queue, letter.jobId, String(letter.shard), letter.state, letter.cause,
                letter.deadAt,
                String(letter.error.split(separator: "\n").joined(separator: " ").prefix(errorWidth)),
            ])
        }
        return table.text
    }

    /// Everything about one letter, a line each.
    static func lines(_ letter: Letter) -> String {
        var lines = [
            ("dead letter", String(letter.deadLetterId)), ("queue", letter.queue), ("job", letter.jobId),
            ("shard", String(letter.shard)),
            ("state", letter.state), ("cause", letter.cause), ("failures", String(letter.failures)),
            ("crashes", String(letter.crashes)),
            ("enqueued at", letter.enqueuedAt), ("dead at", letter.deadAt), ("payload", letter.payload), ("error", letter.error),
        ]
        if let at = letter.decidedAt {
            lines.append(("decided", "\(at) by \(letter.decidedBy ?? "")\(letter.decidedReason.map { ": \($0)" } ?? "")"))
        }
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { $0 + String(repeating: " ", count: width - $0.count + 2) + $1 }.joined(separator: "\n")
    }
}
