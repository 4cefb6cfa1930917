import Foundation
import TestServers

/// A command of `fature` that has run to its end.
package struct CommandRun: Sendable {
    package let status: Int32
    package let output: Data
    /// What it said on standard error.
    package let remarks: String

    package var text: String { String(decoding: output, as: UTF8.self) }
}

extension CommandRun {
    /// Runs a command of `fature` to its end.
    ///
    /// - Parameter environment: beside our own; an empty value counts as none.
    package static func fature(_ arguments: [String], environment: [String: String]) throws -> CommandRun {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try TestCluster.executable())
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
        let remarks = try ScratchFolder("command")
        let path = "\(remarks.path)/stderr"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: path)
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return CommandRun(status: process.terminationStatus, output: data, remarks: ChildProcess.contents(path) ?? "")
    }
}

extension TestCluster {
    /// Runs a command of `fature` on this cluster's PostgreSQL and Redis.
    package func run(_ arguments: String...) throws -> CommandRun { try run(arguments) }

    package func run(_ arguments: [String]) throws -> CommandRun {
        try .fature(arguments, environment: ["DATABASE_URL": database.url, "REDIS_URL": redis?.url ?? ""])
    }
}
