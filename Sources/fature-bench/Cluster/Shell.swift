import Foundation

/// Runs programs for a benchmark.
enum Shell {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a program to its end and gives what it printed on standard output.
    @discardableResult
    static func run(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        let typed = Pipe()
        process.standardInput = typed
        try process.run()
        if let input { typed.fileHandleForWriting.write(Data(input.utf8)) }
        try typed.fileHandleForWriting.close()
        let collected = ErrorCollector(errors)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(
                description: "\(arguments.joined(separator: " ")) ended with \(process.terminationStatus): \(collected.text)")
        }
        return text
    }

    /// Starts a program that goes on until `terminate`.
    static func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// The first number between two markers of a text.
    static func number(in text: String, after start: String, before end: String) -> Double? {
        guard let begin = text.range(of: start), let stop = text.range(of: end, range: begin.upperBound..<text.endIndex) else {
            return nil
        }
        return Double(text[begin.upperBound..<stop.lowerBound].trimmingCharacters(in: .whitespaces))
    }
}

/// Reads a pipe to its end beside the reader of another, so that neither fills up.
private final class ErrorCollector: @unchecked Sendable {
    // @unchecked: written by one thread before `done` is signalled, read after.
    private var data = Data()
    private let done = DispatchSemaphore(value: 0)

    init(_ pipe: Pipe) {
        Thread.detachNewThread {
            self.data = pipe.fileHandleForReading.readDataToEndOfFile()
            self.done.signal()
        }
    }

    var text: String {
        done.wait()
        done.signal()
        return String(decoding: data, as: UTF8.self)
    }
}
