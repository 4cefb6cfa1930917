import Foundation

/// The end of a log, for a message that says why something failed.
enum LogTail {
    static let bytesMax = 8 * 1024

    static func lines(of path: String, count: Int) -> [String] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        guard let size = try? handle.seekToEnd() else { return [] }
        guard (try? handle.seek(toOffset: size - min(size, UInt64(bytesMax)))) != nil else { return [] }
        guard let data = try? handle.readToEnd() else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").suffix(count).map(String.init)
    }

    /// The last line near the end that tells of trouble, in our logs, PostgreSQL's or Redis's; nil if there is none.
    static func lastTrouble(of path: String) -> String? {
        let marks = [
            "\"level\":\"critical\"", "\"level\":\"error\"", "\"level\":\"warning\"", " PANIC: ", " FATAL: ", " ERROR: ", " # ",
        ]
        return lines(of: path, count: .max).last { line in marks.contains { line.contains($0) } }
    }

    static func lastLine(of path: String) -> String? { lines(of: path, count: 1).last }
}
