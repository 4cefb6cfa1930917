import Core
import HTTP2
import Telemetry

/// Counters of one event loop, plain integers; `/metrics` adds up those of all loops.
struct RequestMetrics: Sendable {
    static let statuses: [UInt16] = [200, 201, 207, 400, 404, 405, 408, 409, 410, 413, 414, 422, 431, 500, 503, 504]
    static let methods: [(RequestMethod, StaticString)] = [
        (.get, "GET"), (.head, "HEAD"), (.post, "POST"), (.patch, "PATCH"), (.put, "PUT"), (.delete, "DELETE"),
        (.options, "OPTIONS"),
        (.other, "other"),
    ]
    private static let statusColumns = statuses.count + 1

    private var requests = [UInt64](repeating: 0, count: RouteName.allCases.count * methods.count * statusColumns)
    private var durations = [LatencyHistogram](repeating: LatencyHistogram(), count: RouteName.allCases.count)
    var directoryHits: UInt64 = 0
    var directoryMisses: UInt64 = 0
    var lateAnswers: UInt64 = 0
    var abandonedRequests: UInt64 = 0
    var refusedConnections: UInt64 = 0
    /// Requests that have waited for a shard's new owner; those of them that nobody answered in time, or for which there was no room.
    var parkedRequests: UInt64 = 0
    var parkedExpired: UInt64 = 0
    /// The longest time from being parked first to the answer.
    var parkedNanosecondsMax: UInt64 = 0
    private var transactions = TransactionTally()
    // Gauges, filled in when a snapshot is taken.
    var openConnections = 0
    var liveRequests = 0
    var directoryCount = 0
    var directoryBytes = 0
    var transactionBytesHeld = 0
    var parkedCount = 0
    var parkedBytes = 0

    mutating func record(route: RouteName, method: RequestMethod, status: UInt16, nanoseconds: UInt64) {
        let column = Self.statuses.firstIndex(of: status) ?? Self.statuses.count
        requests[(Int(route.rawValue) * Self.methods.count + Int(method.rawValue)) * Self.statusColumns + column] &+= 1
        durations[Int(route.rawValue)].record(nanoseconds: nanoseconds)
    }

    /// All durations so far but for those of the routes that operators ask (`/health`, `/ready`, `/metrics`).
    var callersDurations: LatencyHistogram {
        var sum = LatencyHistogram()
        for route in RouteName.allCases where !route.isForOperators { sum.add(durations[Int(route.rawValue)]) }
        return sum
    }

    mutating func countTransactions(_ tally: TransactionTally) {
        transactions.accepted &+= tally.accepted
        transactions.repeated &+= tally.repeated
        transactions.refused &+= tally.refused
        transactions.failed &+= tally.failed
    }

    mutating func add(_ other: Self) {
        for at in requests.indices { requests[at] &+= other.requests[at] }
        for at in durations.indices { durations[at].add(other.durations[at]) }
        directoryHits &+= other.directoryHits
        directoryMisses &+= other.directoryMisses
        lateAnswers &+= other.lateAnswers
        abandonedRequests &+= other.abandonedRequests
        refusedConnections &+= other.refusedConnections
        parkedRequests &+= other.parkedRequests
        parkedExpired &+= other.parkedExpired
        parkedNanosecondsMax = max(parkedNanosecondsMax, other.parkedNanosecondsMax)
        parkedCount += other.parkedCount
        parkedBytes += other.parkedBytes
        countTransactions(other.transactions)
        transactionBytesHeld += other.transactionBytesHeld
        openConnections += other.openConnections
        liveRequests += other.liveRequests
        directoryCount = max(directoryCount, other.directoryCount)
        directoryBytes = max(directoryBytes, other.directoryBytes)
    }

    /// Share of affiliates that the directory in memory knew, or nil before the first look-up.
    var directoryHitRate: Double? {
        let all = directoryHits + directoryMisses
        return all == 0 ? nil : Double(directoryHits) / Double(all)
    }

    /// Changes, by what came of them; of transactions each is counted.
    private func writeOperations(to text: PrometheusText) {
        text.describe("business_operations_total", .counter, "Changes asked for, by operation and outcome.")
        let operations: [(RouteName, RequestMethod, String)] = [
            (.affiliates, .post, "join"), (.affiliate, .patch, "set_status"), (.move, .post, "move"),
            (.reverse, .post, "reverse_transaction"), (.decision, .post, "decide_commission"),
            (.decisions, .post, "decide_commissions"),
        ]
        for (route, method, operation) in operations {
            var outcomes: [String: UInt64] = [:]
            for column in 0..<Self.statusColumns {
                let status = column < Self.statuses.count ? Self.statuses[column] : 0
                let outcome = status == 0 || status >= 500 ? "failed" : status < 300 ? "done" : "refused"
                outcomes[outcome, default: 0] &+= count(route, method, column)
            }
            for (outcome, count) in outcomes.sorted(by: { $0.key < $1.key }) {
                text.sample(
                    "business_operations_total", labels: "operation=\"\(operation)\",outcome=\"\(outcome)\"",
                    Int64(clamping: count))
            }
        }
        let tallies = [
            ("accepted", transactions.accepted), ("failed", transactions.failed), ("refused", transactions.refused),
            ("repeated", transactions.repeated),
        ]
        for (outcome, count) in tallies {
            text.sample("business_operations_total", labels: "operation=\"transaction\",outcome=\"\(outcome)\"", Int64(count))
        }
    }

    private func count(_ route: RouteName, _ method: RequestMethod, _ column: Int) -> UInt64 {
        requests[(Int(route.rawValue) * Self.methods.count + Int(method.rawValue)) * Self.statusColumns + column]
    }

    func write(to text: PrometheusText) {
        text.describe("http_requests_total", .counter, "Requests answered, by route, method and status.")
        for route in RouteName.allCases {
            for (method, methodLabel) in Self.methods {
                for column in 0..<Self.statusColumns {
                    let count = count(route, method, column)
                    guard count > 0 else { continue }
                    let status = column < Self.statuses.count ? "\(Self.statuses[column])" : "other"
                    text.sample(
                        "http_requests_total", labels: "method=\"\(methodLabel)\",route=\"\(route.label)\",status=\"\(status)\"",
                        Int64(clamping: count))
                }
            }
        }
        text.describe("http_request_duration_seconds", .histogram, "From the whole request to its answer, inside the gateway.")
        for route in RouteName.allCases where durations[Int(route.rawValue)].count > 0 {
            text.histogram("http_request_duration_seconds", labels: "route=\"\(route.label)\"", durations[Int(route.rawValue)])
        }
        writeOperations(to: text)
        text.describe("cache_operations_total", .counter, "Look-ups in the directory in memory, by result.")
        text.sample("cache_operations_total", labels: "cache=\"directory\",result=\"hit\"", Int64(clamping: directoryHits))
        text.sample("cache_operations_total", labels: "cache=\"directory\",result=\"miss\"", Int64(clamping: directoryMisses))
        let counters: [(String, PrometheusText.Kind, String, Int64)] = [
            (
                "gateway_late_answers_total", .counter, "Worker answers that came after the deadline.",
                Int64(clamping: lateAnswers)
            ),
            ("gateway_abandoned_requests_total", .counter, "Requests whose caller had gone.", Int64(clamping: abandonedRequests)),
            ("gateway_refused_connections_total", .counter, "Connections over the limit.", Int64(clamping: refusedConnections)),
            (
                "gateway_parked_requests_total", .counter, "Requests that have waited for a shard's new owner.",
                Int64(clamping: parkedRequests)
            ),
            (
                "gateway_parked_expired_total", .counter, "Parked requests that were refused in the end.",
                Int64(clamping: parkedExpired)
            ),
            (
                "gateway_parked_longest_microseconds", .gauge, "The longest time from parking a request to its answer.",
                Int64(clamping: parkedNanosecondsMax / 1000)
            ),
            ("gateway_parked_requests", .gauge, "Requests that wait for a shard's new owner.", Int64(parkedCount)),
            ("gateway_parked_bytes", .gauge, "Memory of requests that wait for a shard's new owner.", Int64(parkedBytes)),
            ("gateway_open_connections", .gauge, "Client connections.", Int64(openConnections)),
            ("gateway_live_requests", .gauge, "Requests on their way.", Int64(liveRequests)),
            ("gateway_directory_affiliates", .gauge, "Affiliates in the directory.", Int64(directoryCount)),
            ("gateway_directory_bytes", .gauge, "Memory of the directory.", Int64(directoryBytes)),
            ("gateway_transaction_bytes", .gauge, "Memory of transactions on their way.", Int64(transactionBytesHeld)),
        ]
        for (name, kind, help, value) in counters {
            text.describe(name, kind, help)
            text.sample(name, value)
        }
    }
}
