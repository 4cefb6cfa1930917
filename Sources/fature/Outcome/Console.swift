import Foundation

/// What a person at the terminal sees: answers on standard output, progress and trouble on standard error.
///
/// Written with `write` rather than through stdio, so that a line is out before the next step begins, whatever dies then.
enum Console {
    static func answer(_ line: String) { emit(line, to: STDOUT_FILENO) }
    static func progress(_ line: String) { emit(line, to: STDERR_FILENO) }

    /// Whether answers go to a terminal whose owner has not asked for plain text (NO_COLOR).
    static var isColored: Bool { isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil }

    private static func emit(_ line: String, to descriptor: Int32) {
        writeAll(Array((line + "\n").utf8), to: descriptor)
    }

    /// Writes everything, or gives up at the first error: a closed terminal must not stop the work.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}
