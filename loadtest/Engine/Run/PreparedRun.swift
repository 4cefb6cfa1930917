import Core
import LoadPlan
import LoadRecord

/// A run whose connections are open. It runs once; one that is dropped instead closes them.
package struct PreparedRun: ~Copyable, Sendable {
    /// Ends the run, from any thread, whether it has begun or not.
    package let stop: RunStop
    private let sending: LoadSending
    private let events: [PlannedEvent]
    private let endsEarly: Bool

    /// From the order to begin to the first planned time.
    private static let leadNanoseconds: UInt64 = 5_000_000

    init(_ sending: LoadSending, events: [PlannedEvent], endsEarly: Bool) {
        self.sending = sending
        self.events = events
        self.endsEarly = endsEarly
        stop = RunStop(sending)
    }

    // After a run there is nothing left to end.
    deinit { sending.abort("it was never begun") }

    /// Runs the load to its end, drain included.
    /// - Parameters:
    ///   - begin: when the warm-up begins, on this host's monotonic clock; nil: at once.
    ///   - progress: called about once a second with what is known; the histograms of operations and shards are in the result only.
    package consuming func run(
        begin: MonotonicNanoseconds? = nil, progress: (RunRecord) -> Void = { _ in }
    ) -> RunRecord {
        let begin = begin ?? monotonicNow() + Self.leadNanoseconds
        let runner = EventRunner(events, begin: begin + sending.warmUpNanoseconds)
        runner.start()
        sending.begin(begin)
        while true {
            switch sending.nextNews() {
            case .result(var result):
                result.events = sending.isToEndAtOnce ? runner.finish(milliseconds: 0) : runner.finish()
                return result
            case .picture(var picture):
                picture.events = runner.records
                if endsEarly, let reason = EarlyEnd.reason(picture, picture.scenario.objectives) { stop.abort(reason) }
                progress(picture)
            }
        }
    }
}

/// Ends a prepared run.
package struct RunStop: Sendable {
    private let sending: LoadSending

    init(_ sending: LoadSending) { self.sending = sending }

    /// Ends the load; what is under way is waited for. A second call ends at once. From any thread; not from a signal handler.
    package func abort(_ reason: String) { sending.abort(reason) }
}
