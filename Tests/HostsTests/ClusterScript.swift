import Foundation
import TestServers

/// The scripts below `cluster/`, run to their ends.
enum ClusterScript {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("cluster").path

    /// - Parameter name: below `cluster/`; a program's path where it begins with `/`.
    static func run(
        _ name: String, _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> (status: Int32, said: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: name.hasPrefix("/") ? name : "\(folder)/\(name)")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
        // A file and no pipe: the processes that a script leaves running would keep a pipe open.
        let scratch = try ScratchFolder("script")
        let path = "\(scratch.path)/said"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let said = FileHandle(forWritingAtPath: path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = said
        process.standardError = said
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return (process.terminationStatus, text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// - Throws: what it said, where it fails.
    @discardableResult
    static func need(_ name: String, _ arguments: [String], _ environment: [String: String] = [:]) throws -> String {
        let answer = try run(name, arguments, environment)
        guard answer.status == 0 else { throw TestServerError("\(name) \(arguments.joined(separator: " ")): \(answer.said)") }
        return answer.said
    }
}
