import Core
import Store
import Telemetry

/// The queues in `/metrics` and `/health`: what workers have said within the last half minute.
enum QueueMetrics {
    private static let samples:
        [(name: String, kind: PrometheusText.Kind, help: String, path: KeyPath<QueueFigures, Int64> & Sendable)] = [
            ("queue_jobs_waiting", .gauge, "Jobs that nobody has in hand.", \.waiting),
            ("queue_jobs_in_hand", .gauge, "Jobs that a handler has.", \.inHand),
            ("queue_jobs_delayed", .gauge, "Jobs that wait to be tried again.", \.delayed),
            ("queue_jobs_taken_total", .counter, "Jobs taken into a hand.", \.taken),
            ("queue_jobs_done_total", .counter, "Jobs done.", \.done),
            ("queue_jobs_failed_total", .counter, "Failures of handlers.", \.failed),
            ("queue_jobs_retried_total", .counter, "Jobs delayed to be tried again.", \.retried),
            ("queue_jobs_postponed_total", .counter, "Jobs delayed with no failure, for what others held.", \.postponed),
            ("queue_jobs_dead_total", .counter, "Jobs that became dead letters.", \.dead),
            ("queue_jobs_crashed_total", .counter, "Jobs taken over from lost consumers.", \.crashed),
            ("queue_jobs_released_total", .counter, "Jobs given back as they were.", \.released),
            ("queue_shards_broken", .gauge, "Shards whose keys in Redis hold what is not ours: their jobs wait.", \.broken),
            ("queue_commits_total", .counter, "Batches committed.", \.batches),
        ]

    static func write(_ report: HealthReport, to text: PrometheusText) {
        for sample in samples {
            text.describe(sample.name, sample.kind, sample.help)
            for figures in report.queues { text.sample(sample.name, labels: labels(figures), figures[keyPath: sample.path]) }
        }
        text.describe("queue_oldest_job_age_seconds", .gauge, "Age of the oldest job that waits or is in hand.")
        for figures in report.queues {
            text.seconds("queue_oldest_job_age_seconds", labels: labels(figures), microseconds: figures.oldestMilliseconds * 1000)
        }
        text.describe("queue_commit_seconds_total", .counter, "Time of all batches, from the first statement to the commit.")
        for figures in report.queues {
            text.seconds("queue_commit_seconds_total", labels: labels(figures), microseconds: figures.commitMicroseconds)
        }
        text.describe("queue_dead_letters", .gauge, "Dead letters that wait for a person.")
        for (queue, count) in report.deadLetters.sorted(by: { $0.key < $1.key }) {
            text.sample("queue_dead_letters", labels: "queue=\"\(escaped(queue))\"", count)
        }
    }

    /// One object for each queue, over all workers.
    static func appendJSON(_ report: HealthReport, to body: ByteBuilder) {
        let names = Set(report.queues.map(\.queue)).union(report.deadLetters.keys).sorted()
        body.append(UInt8(ascii: "["))
        for (index, name) in names.enumerated() {
            let parts = report.queues.filter { $0.queue == name }
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body.append("{\"queue\":" as StaticString)
            body.appendJSON(name)
            body.append(",\"waiting\":\(parts.reduce(0) { $0 + $1.waiting }),\"in_hand\":\(parts.reduce(0) { $0 + $1.inHand })")
            body.append(",\"delayed\":\(parts.reduce(0) { $0 + $1.delayed }),\"dead\":\(report.deadLetters[name] ?? 0)")
            body.append(
                ",\"oldest_milliseconds\":\(parts.map(\.oldestMilliseconds).max() ?? 0),\"shards\":\(parts.reduce(0) { $0 + $1.shards })}"
            )
        }
        body.append(UInt8(ascii: "]"))
    }

    private static func labels(_ figures: QueueFigures) -> String {
        "queue=\"\(escaped(figures.queue))\",worker=\"\(escaped(figures.worker))\",instance=\"\(figures.instance)\""
    }

    /// As Prometheus wants label values.
    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
        return text
    }
}
