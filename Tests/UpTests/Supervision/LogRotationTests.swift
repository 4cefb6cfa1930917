import Foundation
import Testing

@testable import fature

@Suite("Logs stay within bounds")
struct LogRotationTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fature-rotation-\(UUID())").path

    private func write(_ text: String, _ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    }

    private func read(_ name: String) throws -> String { try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) }

    @Test("a log over the bound becomes the newest older file, and the oldest goes")
    func rotation() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in [("a.log", "new"), ("a.log.1", "one"), ("a.log.2", "two"), ("a.log.3", "three")] {
            try write(text, name)
        }
        try LogRotation.rotateIfLarge("\(folder)/a.log", bytesMax: 2)
        #expect(try read("a.log") == "")
        #expect(try read("a.log.1") == "new")
        #expect(try read("a.log.2") == "one")
        #expect(try read("a.log.3") == "two")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 4)
    }

    @Test("a writer that appends goes on at the new beginning")
    func appendingWriter() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("", "a.log")
        let writer = open("\(folder)/a.log", O_WRONLY | O_APPEND)
        defer { close(writer) }
        Console.writeAll(Array("before\n".utf8), to: writer)
        try LogRotation.rotateIfLarge("\(folder)/a.log", bytesMax: 2)
        Console.writeAll(Array("after\n".utf8), to: writer)
        #expect(try read("a.log") == "after\n")
        #expect(try read("a.log.1") == "before\n")
    }

    @Test("the last trouble of a log is found behind lines that tell of none")
    func lastTrouble() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trouble = #"{"timestamp":"t","level":"warning","role":"worker","message":"no lease"}"#
        try write("2026-01-01 UTC [1] FATAL:  first\n\(trouble)\n{\"level\":\"info\"}\n", "a.log")
        #expect(LogTail.lastTrouble(of: "\(folder)/a.log") == trouble)
        try write("2026-01-01 UTC [1] FATAL:  first\nfine\n", "b.log")
        #expect(LogTail.lastTrouble(of: "\(folder)/b.log") == "2026-01-01 UTC [1] FATAL:  first")
        try write("fine\n", "c.log")
        #expect(LogTail.lastTrouble(of: "\(folder)/c.log") == nil)
    }

    @Test("a log within the bound, or none at all, is left alone")
    func smallLog() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("ab", "a.log")
        try LogRotation.rotateIfLarge("\(folder)/a.log", bytesMax: 2)
        try LogRotation.rotateIfLarge("\(folder)/missing.log", bytesMax: 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.log"])
    }
}
