import Core
import Foundation
import Logging
import Testing

@testable import Telemetry

/// A file that is gone with its owner.
private final class ScratchFile {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("fature-log-\(UUID()).log").path
    let descriptor: Int32

    init() throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
        try #require(descriptor >= 0)
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    var lines: [String] {
        get throws { try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init) }
    }
}

@Suite("The log")
struct LogTests {
    @Test("each line is one JSON object with time, level, role, message and the metadata, whatever they contain")
    func jsonLines() throws {
        let file = try ScratchFile()
        let writer = LineWriter(descriptor: file.descriptor)
        var logger = Logger(label: "test") { _ in JSONLogHandler(role: "gateway", level: .info, writer: writer) }
        logger[metadataKey: "always"] = "here"
        let nasty = "a\"b\\c\nd\u{1}é💡"
        logger.info("\(nasty)", metadata: [nasty: "\(nasty)", "list": .array(["1", "2"])])
        logger.debug("not written")
        logger.error("second", metadata: ["always": "there"])
        writer.flush()
        let lines = try file.lines
        #expect(lines.count == 2)
        let first = try #require(JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: String])
        #expect(first["message"] == nasty && first[nasty] == nasty && first["level"] == "info" && first["role"] == "gateway")
        #expect(first["always"] == "here")
        let time = try #require(first["timestamp"])
        #expect(try /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z/.wholeMatch(in: time) != nil)
        let second = try #require(JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: String])
        #expect(second["always"] == "there" && second["level"] == "error")
    }

    @Test("lines that do not fit are dropped, counted, and the count is written")
    func droppedLines() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reader, end) = (ends[0], ends[1])
        let writer = LineWriter(descriptor: end)
        // The pipe takes 64 KiB and nobody reads, so the writer's own room fills up.
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<40 { line.withUnsafeBytes { writer.write($0, lineCount: 3) } }
        #expect(writer.droppedLines >= 3 * (40 - 2 * (LineWriter.waitingBytesMax >> 20) - 1))
        let dropped = writer.droppedLines
        let collected = Thread.collect(reader)
        writer.flush()
        close(end)
        let text = String(decoding: collected(), as: UTF8.self)
        close(reader)
        #expect(text.hasSuffix("\"lines\":\(dropped)}\n"))
        #expect(text.count { $0 == "x" } == (40 - dropped / 3) << 20)
    }
}

extension Thread {
    /// Reads a descriptor to its end on a thread of its own; the result waits for that.
    fileprivate static func collect(_ descriptor: Int32) -> () -> [UInt8] {
        let box = Box()
        let done = DispatchSemaphore(value: 0)
        detachNewThread {
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(descriptor, &chunk, chunk.count)
                guard count > 0 else { break }
                box.bytes += chunk[..<count]
            }
            done.signal()
        }
        return {
            done.wait()
            return box.bytes
        }
    }

    // @unchecked: written before the semaphore is signalled, read after.
    private final class Box: @unchecked Sendable { var bytes: [UInt8] = [] }
}
