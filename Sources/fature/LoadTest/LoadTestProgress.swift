import Core
import Foundation
import LoadRecord
import LoadReport
import Synchronization
import Telemetry

/// Progress on standard error: a panel that is drawn anew on a terminal, else a line every five seconds.
final class LoadTestProgress: Sendable {
    private let isShown: Bool
    private let progress: Mutex<LiveProgress>
    private let last = Mutex<RunRecord?>(nil)

    /// Of a terminal that does not say.
    private static let columnsDefault = 80

    init(isShown: Bool) {
        self.isShown = isShown
        var size = winsize()
        let isTerminal = isatty(STDERR_FILENO) == 1
        let columns =
            ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : Self.columnsDefault
        let isColored = ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        progress = Mutex(LiveProgress(isTerminal ? .terminal(columns: columns, isColored: isColored) : .lines))
    }

    /// Called about once a second.
    func show(_ record: RunRecord) {
        guard isShown else { return }
        last.withLock { $0 = record }
        let elapsed = Double(wallClockMicroseconds() - record.startedAtMicroseconds) / 1e6
        emit(progress.withLock { $0.update(record, elapsedSeconds: elapsed) })
    }

    func end() {
        guard isShown, let record = last.withLock({ $0 }) else { return }
        emit(progress.withLock { $0.finish(record) })
    }

    private func emit(_ text: String) {
        if !text.isEmpty { Console.writeAll(Array(text.utf8), to: STDERR_FILENO) }
    }
}
