import Core
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Writes whole lines to a file descriptor from a thread of its own, so that no event loop ever waits for a disk or a pipe.
///
/// Bounded: what does not fit is dropped and counted, and the count is written as a line of its own as soon as there is room.
package final class LineWriter: Sendable {
    /// Most bytes that may wait to be written.
    package static let waitingBytesMax = 8 << 20

    private struct State {
        var waiting: [UInt8] = []
        var droppedLines = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wakeUp: DispatchedSignal
    private let descriptor: Int32
    private let droppedTotal = Atomic<Int>(0)

    /// Lines dropped since the start because the descriptor was too slow.
    package var droppedLines: Int { droppedTotal.load(ordering: .relaxed) }

    package init(descriptor: Int32) {
        self.descriptor = descriptor
        wakeUp = DispatchedSignal()
        wakeUp.onSignal = { [unowned self] in self.writeWaiting() }
    }

    /// Takes lines, each with its line feed.
    package func write(_ lines: UnsafeRawBufferPointer, lineCount: Int = 1) {
        let taken = state.withLock { state in
            guard state.waiting.count + lines.count <= Self.waitingBytesMax else {
                state.droppedLines += lineCount
                return false
            }
            state.waiting.append(contentsOf: lines)
            return true
        }
        if !taken { droppedTotal.wrappingAdd(lineCount, ordering: .relaxed) }
        wakeUp.signal()
    }

    /// Writes all that waits before it returns; for the end of a process.
    package func flush() { wakeUp.drain() }

    private func writeWaiting() {
        while true {
            let (batch, dropped) = state.withLock { state in
                let taken = (state.waiting, state.droppedLines)
                state.waiting = []
                state.droppedLines = 0
                return taken
            }
            if batch.isEmpty && dropped == 0 { return }
            batch.withUnsafeBytes(writeAll)
            if dropped > 0 {
                let note =
                    "{\"level\":\"warning\",\"message\":\"log lines dropped: the log is written too slowly\",\"lines\":\(dropped)}\n"
                var copy = note
                copy.withUTF8 { writeAll(UnsafeRawBufferPointer($0)) }
            }
        }
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        while at < bytes.count {
            let written = Glibc.write(descriptor, bytes.baseAddress.unsafelyUnwrapped + at, bytes.count - at)
            if written > 0 {
                at += written
            } else if errno != EINTR {
                // The log itself is gone; there is nobody left to tell.
                return
            }
        }
    }
}
