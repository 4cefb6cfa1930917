import Core
import LoadPlan
import LoadRecord

/// Counts what happens to requests, on the sending thread: fixed memory, no allocation for a request. `write` makes the record of it.
///
/// Only what is planned in the measured time counts. Times are of the monotonic clock.
final class RunTally {
    private let operations: UnsafeMutablePointer<OperationTally>
    private let operationCount: Int
    private let shards: UnsafeMutablePointer<ShardTally?>
    /// Windows that are still open, by number modulo `openMax`.
    @exclusivity(unchecked) private var open: [WindowTally] = []
    @exclusivity(unchecked) private var spare: [WindowTally] = []
    /// The number of the first open window; the seconds before it stand in `closed`.
    @exclusivity(unchecked) private var firstOpen = 0
    @exclusivity(unchecked) private var closed = WindowSeries()

    /// When the measured time begins and, as planned, ends.
    private let begin: MonotonicNanoseconds
    @exclusivity(unchecked) private var end: MonotonicNanoseconds
    let windowCount: Int
    private let sliceWindows: Int

    @exclusivity(unchecked) private var lastOK: MonotonicNanoseconds
    @exclusivity(unchecked) private var gapBegin: MonotonicNanoseconds = 0
    @exclusivity(unchecked) private var gapNanoseconds: UInt64 = 0
    @exclusivity(unchecked) private(set) var sent = 0

    static let shardsMax = 256
    static let windowNanoseconds: UInt64 = 1_000_000_000

    init(operations count: Int, begin: MonotonicNanoseconds, nanoseconds: UInt64, sliceSeconds: Int) {
        sliceWindows = sliceSeconds
        operationCount = count
        operations = .allocate(capacity: count)
        for index in 0..<count { (operations + index).initialize(to: OperationTally()) }
        shards = .allocate(capacity: Self.shardsMax)
        shards.initialize(repeating: nil, count: Self.shardsMax)
        self.begin = begin
        end = begin + nanoseconds
        lastOK = begin
        gapBegin = begin
        windowCount = Int((nanoseconds + Self.windowNanoseconds - 1) / Self.windowNanoseconds)
    }

    deinit {
        for index in 0..<operationCount { operations[index].deallocate() }
        operations.deallocate()
        for index in 0..<Self.shardsMax { shards[index]?.deallocate() }
        shards.deallocate()
        for window in open { window.deallocate() }
        for window in spare { window.deallocate() }
    }

    /// The measured time ends before it was planned to.
    func end(at moment: MonotonicNanoseconds) { end = max(begin, min(end, moment)) }

    // MARK: Windows

    /// The window of a planned time; -1 in the warm-up.
    @inline(__always)
    func window(of planned: MonotonicNanoseconds) -> Int {
        planned < begin ? -1 : Int((planned - begin) / Self.windowNanoseconds)
    }

    @inline(__always)
    private func with(window: Int, _ body: (inout WindowTally) -> Void) {
        guard window >= firstOpen, window < windowCount else { return }
        while open.count <= window - firstOpen { open.append(spare.popLast() ?? WindowTally()) }
        body(&open[window - firstOpen])
    }

    /// Closes the windows whose second is over and whose requests have all ended.
    func closeWindows(_ now: MonotonicNanoseconds) {
        while let first = open.first, first.open == 0, now >= begin + UInt64(firstOpen + 1) * Self.windowNanoseconds {
            closed.append(first.record)
            open.removeFirst()
            var used = first
            used.removeAll()
            spare.append(used)
            firstOpen += 1
        }
    }

    func notice(inFlight: Int, _ now: MonotonicNanoseconds) {
        with(window: window(of: now)) { if inFlight > $0.inFlightMax { $0.inFlightMax = inFlight } }
    }

    // MARK: Requests

    func planned(operation: Int, window: Int) {
        guard window >= 0 else { return }
        operations[operation].planned += 1
        with(window: window) {
            $0.planned += 1
            $0.open += 1
        }
    }

    /// - Parameter late: how long after its planned time that was, nanoseconds: a generator that was away itself must not blame the target.
    func overflowed(operation: Int, window: Int, late: UInt64) {
        guard window >= 0 else { return }
        operations[operation].slip.add(nanoseconds: late)
        operations[operation].planned += 1
        operations[operation].overflow += 1
        with(window: window) {
            $0.planned += 1
            $0.overflow += 1
            if late > $0.slipMaxNanoseconds { $0.slipMaxNanoseconds = late }
        }
    }

    /// A request has been written to its socket.
    func sent(_ request: borrowing InFlightRequest) {
        guard request.window >= 0 else { return }
        sent += 1
        let late = request.sent &- request.planned &- request.waited
        let operation = operations + Int(request.operation)
        operation.pointee.slip.add(nanoseconds: late)
        if request.waited > 0 { operation.pointee.waited.add(nanoseconds: request.waited) }
        with(window: Int(request.window)) { if late > $0.slipMaxNanoseconds { $0.slipMaxNanoseconds = late } }
    }

    func ended(_ request: borrowing InFlightRequest, _ outcome: Outcome, _ now: MonotonicNanoseconds) {
        if outcome == .ok, now >= begin { noticeOK(now) }
        guard request.window >= 0 else { return }
        let operation = operations + Int(request.operation)
        operation.pointee.outcomes[outcome.rawValue] += 1
        operation.pointee.bytes += Int(request.bytes)
        let isAnswer = outcome.rawValue <= Outcome.failed.rawValue
        let response = now - request.planned
        if isAnswer {
            operation.pointee.statuses[Int(request.status)] += 1
            operation.pointee.answered(response: response, slice: Int(request.window) / sliceWindows)
            operation.pointee.service.add(nanoseconds: now &- request.sent)
            with(window: window(of: now)) { $0.answered += 1 }
        }
        with(window: Int(request.window)) {
            $0.open -= 1
            $0.outcomes[outcome.rawValue] += 1
            if isAnswer { $0.response.add(nanoseconds: response) }
        }
        guard request.shard >= 0, request.shard < Self.shardsMax else { return }
        let shard = Int(request.shard)
        if shards[shard] == nil { shards[shard] = ShardTally() }
        shards[shard]?.outcomes[outcome.rawValue] += 1
        if isAnswer { shards[shard]?.response.add(nanoseconds: response) }
    }

    /// The longest time without an `ok` answer, within the measured time.
    @inline(__always)
    private func noticeOK(_ now: MonotonicNanoseconds) {
        let until = min(now, end)
        guard until > lastOK else { return }
        if until - lastOK > gapNanoseconds {
            gapNanoseconds = until - lastOK
            gapBegin = lastOK
        }
        lastOK = until
    }

    // MARK: The record

    /// Of the measured time.
    private func elapsed(_ now: MonotonicNanoseconds) -> UInt64 { now <= begin ? 0 : min(now, end) - begin }

    /// How many windows have begun.
    private func elapsedWindows(_ now: MonotonicNanoseconds) -> Int {
        min(windowCount, Int((elapsed(now) + Self.windowNanoseconds - 1) / Self.windowNanoseconds))
    }

    /// - Parameter withTimes: with the histograms of operations and shards, at the end; a live picture has those of the windows.
    func write(to record: inout RunRecord, now: MonotonicNanoseconds, withTimes: Bool) {
        closeWindows(now)
        for index in 0..<operationCount { operations[index].write(to: &record.operations[index], withTimes: withTimes) }
        let slices = withTimes ? Int(elapsedWindows(now) + sliceWindows - 1) / sliceWindows : 0
        for index in 0..<operationCount {
            while record.operations[index].slices.count < slices {
                record.operations[index].slices.append(TimeHistogram(.coarse))
            }
        }
        let elapsed = elapsed(now)
        let windows = elapsedWindows(now)
        var series = closed
        for window in open where series.seconds < windows { series.append(window.record) }
        while series.seconds < windows { series.append(WindowRecord()) }
        record.windows = series.windows
        record.windowSeconds = series.secondsEach
        record.seconds = Double(elapsed) / 1e9
        var from = gapBegin
        var length = gapNanoseconds
        if min(now, end) > lastOK, min(now, end) - lastOK > length {
            from = lastOK
            length = min(now, end) - lastOK
        }
        record.longestGap =
            elapsed == 0 ? nil : GapRecord(fromSeconds: Double(from - begin) / 1e9, seconds: Double(length) / 1e9)
        guard withTimes else { return }
        for index in 0..<Self.shardsMax {
            guard let shard = shards[index] else { continue }
            var one = ShardRecord(shard: index)
            one.outcomes = outcomeCounts(shard.outcomes)
            one.response = shard.response.histogram
            record.shards.append(one)
        }
    }

    /// Slip below which this share of all sent requests stayed, over all operations; microseconds.
    func slip(quantile share: Double) -> UInt64 {
        var all = TimeHistogram()
        for index in 0..<operationCount { operations[index].slip.addTo(&all) }
        return all.percentile(share * 100)
    }
}
