import Core

/// Passes a person's wish to end (Ctrl-C, SIGTERM) on to a run, as often as it is said, until `end`.
final class StopListener: Sendable {
    private let isOver = Monitor(false)

    private static let lookMilliseconds = 100

    init(abort: @escaping @Sendable (String) -> Void) throws(CommandError) {
        let events = try ProcessEvents()
        let listens = DetachedThread.start { [isOver] in
            var requests = 0
            while isOver.wait(until: .after(milliseconds: Self.lookMilliseconds), { $0 ? true : nil }) == nil {
                guard events.stopRequests > requests else { continue }
                requests = events.stopRequests
                abort("stopped by a person")
            }
        }
        guard listens else { throw CommandError(.systemRefused, "no thread to listen for Ctrl-C") }
    }

    func end() { isOver.withLock { $0 = true } }
}
