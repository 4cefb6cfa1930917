import Foundation
import Testing

@testable import fature

/// A scratch folder with the built `fature` in it to run. Everything that was started there is gone when `close` returns.
final class Sandbox {
    let folder: String
    let executable: String
    var dataDirectory: String { "\(folder)/data" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("fature-up-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // `postgres`, who runs the server when we are root, has to pass through.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        executable = try Self.builtExecutable()
    }

    /// The executable that was built beside the test bundle.
    private static func builtExecutable() throws -> String {
        let running = try Programs.ourselves()
        let products = URL(fileURLWithPath: running).deletingLastPathComponent().path
        let candidate = "\(products)/fature"
        try #require(access(candidate, X_OK) == 0, "\(candidate) is not built")
        return candidate
    }

    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
        var all: String { output + errors }
    }

    /// A process that was started and not awaited.
    final class Running {
        let process: Process
        let outputFile: String
        let errorsFile: String

        init(_ process: Process, outputFile: String, errorsFile: String) {
            self.process = process
            self.outputFile = outputFile
            self.errorsFile = errorsFile
        }

        var errors: String { (try? String(contentsOfFile: errorsFile, encoding: .utf8)) ?? "" }
        var output: String { (try? String(contentsOfFile: outputFile, encoding: .utf8)) ?? "" }

        /// Ctrl-C; SIGTERM where these tests run in the background of a shell that has its jobs ignore Ctrl-C.
        func interrupt() {
            var action = sigaction()
            sigaction(SIGINT, nil, &action)
            let isIgnored =
                unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
            kill(process.processIdentifier, isIgnored ? SIGTERM : SIGINT)
        }

        /// Waits for the end, up to a limit.
        func outcome(secondsMax: Double = 60) async throws -> Outcome {
            try await Sandbox.wait("the end of pid \(process.processIdentifier)", secondsMax: secondsMax) {
                !self.process.isRunning
            }
            return Outcome(status: process.terminationStatus, output: output, errors: errors)
        }
    }

    private var count = 0

    /// - Parameter prefix: a command line that runs what follows it.
    func start(_ arguments: [String], environment extra: [String: String] = [:], prefix: [String] = []) throws -> Running {
        count += 1
        let process = Process()
        let command = prefix + [executable] + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        environment["DATABASE_URL"] = nil
        environment["REDIS_URL"] = nil
        process.environment = environment.merging(extra) { $1 }
        let output = "\(folder)/output-\(count)"
        let errors = "\(folder)/errors-\(count)"
        for path in [output, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
        try process.run()
        return Running(process, outputFile: output, errorsFile: errors)
    }

    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
        try await start(arguments, environment: environment).outcome()
    }

    /// `fature up` with one worker, as most tests want it.
    func up(port: Int, _ more: [String] = []) -> [String] {
        ["up", "--workers", "1", "--port", String(port), "--data-dir", dataDirectory] + more
    }

    /// Processes that work in, or were started for, this folder.
    func processesLeft() -> [String] {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        return pids.compactMap { pid in
            guard Leftover.isRunning(pid) else { return nil }
            let command =
                FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
                .map { String(decoding: $0, as: UTF8.self).replacingOccurrences(of: "\0", with: " ") } ?? ""
            let isOurs = command.contains(folder) || (Leftover.workingDirectory(of: pid)?.hasPrefix(dataDirectory) ?? false)
            return isOurs ? "\(pid) \(command)" : nil
        }
    }

    static func wait(_ what: String, secondsMax: Double = 30, until isTrue: () -> Bool) async throws {
        let deadline = Date(timeIntervalSinceNow: secondsMax)
        while !isTrue() {
            try #require(Date() < deadline, "\(what) did not come within \(secondsMax) s")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func close() async throws {
        _ = try await run(["down", "--data-dir", dataDirectory])
        try await Self.wait("the end of all processes", secondsMax: 20) { processesLeft().isEmpty }
        try FileManager.default.removeItem(atPath: folder)
    }
}
