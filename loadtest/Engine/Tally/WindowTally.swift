import LoadRecord

/// One second of planned time while requests of it may still end.
struct WindowTally {
    var planned = 0
    /// Of the planned, those that have not ended.
    var open = 0
    var overflow = 0
    var answered = 0
    var slipMaxNanoseconds: UInt64 = 0
    var inFlightMax = 0
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

    mutating func removeAll() {
        planned = 0
        open = 0
        overflow = 0
        answered = 0
        slipMaxNanoseconds = 0
        inFlightMax = 0
        outcomes.update(repeating: 0, count: Outcome.allCases.count)
        response.removeAll()
    }

    var record: WindowRecord {
        var record = WindowRecord()
        record.planned = planned
        record.overflow = overflow
        record.outcomes = outcomeCounts(outcomes)
        record.answered = answered
        record.response = response.histogram
        record.slipMaxMicroseconds = slipMaxNanoseconds / 1000
        record.inFlightMax = inFlightMax
        return record
    }
}
