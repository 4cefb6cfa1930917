/// What a load has seen, from its own side.
struct LoadTally {
    /// The wall clock when the first request was due and when the last could be, microseconds since 1970.
    var startMicroseconds: Int64 = 0
    var endMicroseconds: Int64 = 0
    var requests = 0
    /// Requests by HTTP status; 0: no answer.
    var answers: [Int: Int] = [:]
    /// Transactions by the status of their item.
    var items: [Int: Int] = [:]
    var accepted = 0
    /// Transactions sent again.
    var retried = 0
    /// Transactions refused for good.
    var refused = 0
    /// Transactions whose outcome was not known when patience ended.
    var unanswered = 0
    /// From the planned time to the answer.
    var responses = Latencies()
    /// From the planned time to the request being sent.
    var slips = Latencies()
    /// The first answers that were not expected, for people.
    private(set) var oddities: [String] = []

    private static let odditiesMax = 3
    private static let oddityBytesMax = 400

    mutating func note(_ body: UnsafeRawBufferPointer) {
        guard oddities.count < Self.odditiesMax else { return }
        oddities.append(String(decoding: body.prefix(Self.oddityBytesMax), as: UTF8.self))
    }

    /// Statuses and counts in one line: `201: 12,000, 503: 4`.
    static func text(_ counts: [Int: Int]) -> String {
        counts.sorted { $0.key < $1.key }
            .map { "\($0.key == 0 ? "no answer" : String($0.key)): \(Figure.thousands($0.value))" }
            .joined(separator: ", ")
    }
}
