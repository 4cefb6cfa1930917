import LoadRecord

/// What is counted of one operation while the load runs.
struct OperationTally {
    var planned = 0
    var overflow = 0
    var bytes = 0
    /// By `Outcome.rawValue`.
    let outcomes: UnsafeMutablePointer<Int>
    /// By status.
    let statuses: UnsafeMutablePointer<Int>
    var response = RawTimes(.fine)
    var service = RawTimes(.fine)
    var slip = RawTimes(.fine)
    var waited = RawTimes(.fine)
    /// The response times again, by `RunRecord.sliceSeconds` of planned time.
    var slices: [RawTimes] = []

    /// A status has three digits.
    static let statusEnd = 1000

    init() {
        outcomes = .allocate(capacity: Outcome.allCases.count)
        outcomes.initialize(repeating: 0, count: Outcome.allCases.count)
        statuses = .allocate(capacity: Self.statusEnd)
        statuses.initialize(repeating: 0, count: Self.statusEnd)
    }

    func deallocate() {
        outcomes.deallocate()
        statuses.deallocate()
        for times in [response, service, slip, waited] + slices { times.deallocate() }
    }

    @inline(__always)
    mutating func answered(response nanoseconds: UInt64, slice: Int) {
        response.add(nanoseconds: nanoseconds)
        while slices.count <= slice { slices.append(RawTimes(.coarse)) }
        slices[slice].add(nanoseconds: nanoseconds)
    }

    /// - Parameter withTimes: a live picture does without them: making them takes as long as some hundred requests.
    func write(to record: inout OperationRecord, withTimes: Bool) {
        record.planned = planned
        record.overflow = overflow
        record.bytes = bytes
        record.outcomes = outcomeCounts(outcomes)
        for status in 0..<Self.statusEnd where statuses[status] > 0 { record.statuses[status] = statuses[status] }
        guard withTimes else { return }
        record.response = response.histogram
        record.slices = slices.map(\.histogram)
        record.service = service.histogram
        record.slip = slip.histogram
        record.waited = waited.histogram
    }
}

/// What is counted of the requests about one shard.
struct ShardTally {
    let outcomes: UnsafeMutablePointer<Int>
    var response = RawTimes(.coarse)

    init() {
        outcomes = .allocate(capacity: Outcome.allCases.count)
        outcomes.initialize(repeating: 0, count: Outcome.allCases.count)
    }

    func deallocate() {
        outcomes.deallocate()
        response.deallocate()
    }
}

func outcomeCounts(_ raw: UnsafeMutablePointer<Int>) -> OutcomeCounts {
    var counts = OutcomeCounts()
    for index in counts.counts.indices { counts.counts[index] = raw[index] }
    return counts
}
