import Foundation
import Testing

private let linesPerFileMax = 450

@Test("no Swift file is longer than 450 lines")
func filesAreShort() throws {
    for file in try Repository.swiftFiles() {
        #expect(file.lines.count <= linesPerFileMax, "\(file.path) has \(file.lines.count) lines")
    }
}

@Test("every Swift file declares something")
func noFileIsEmpty() throws {
    let keywords = ["struct ", "class ", "enum ", "func ", "let ", "var ", "extension ", "protocol ", "actor ", "typealias "]
    for file in try Repository.swiftFiles() {
        let isDeclaring = file.lines.contains { line in
            let code = line.drop { $0 == " " }
            return !code.hasPrefix("//") && keywords.contains { code.contains($0) }
        }
        #expect(isDeclaring, "\(file.path) declares nothing: delete it")
    }
}

@Test("no file is empty")
func noPlaceholders() throws {
    for suffix in [".swift", ".sql", ".md", ".sh"] {
        for file in try Repository.files(in: ["Sources", "Tests", "docs", "cluster"], suffix: suffix) {
            let isBlank = file.text.allSatisfy(\.isWhitespace)
            #expect(!isBlank, "\(file.path) is empty")
        }
    }
}

@Test("no source holds unfinished work, a way to crash, or a path of somebody's machine")
func noForbiddenWords() throws {
    // Put together so that this file does not hold them.
    let words = ["TO" + "DO", "FIX" + "ME", "fatal" + "Error(", "try" + "!", "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/"]
    var files = try Repository.swiftFiles()
    for suffix in [".sql", ".sh", ".md", ".h"] {
        files += try Repository.files(in: ["Sources", "Tests", "docs", "cluster", "loadtest"], suffix: suffix)
    }
    files += try ["README.md", "CHANGELOG.md", "Makefile", ".ci/run"].map(Repository.file)
    for file in files {
        for (index, line) in file.lines.enumerated() {
            for word in words where line.contains(word) {
                Issue.record("\(file.path):\(index + 1): \(word)")
            }
        }
    }
}

@Test("all Swift files are formatted as .swift-format says")
func filesAreFormatted() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.currentDirectoryURL = URL(fileURLWithPath: Repository.root)
    let folders = ["Sources", "Tests", "loadtest"].filter { FileManager.default.fileExists(atPath: "\(Repository.root)/\($0)") }
    process.arguments = ["swift", "format", "lint", "--strict", "--parallel", "--recursive", "Package.swift"] + folders
    let output = Pipe()
    process.standardError = output
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "run `make format`, then mend by hand what it leaves:\n\(text)")
}
