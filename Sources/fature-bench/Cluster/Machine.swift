import Foundation

/// The machine and the commit, as every figure needs them.
enum Machine {
    static func describe() throws {
        let processor =
            try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix("model name") }?.split(separator: ":").last.map(String.init) ?? "unknown"
        let commit = (try? Shell.run(["git", "rev-parse", "--short", "HEAD"])) ?? "unknown"
        let kernel = try Shell.run(["uname", "-r"])
        print(
            "processor:\(processor), \(ProcessInfo.processInfo.activeProcessorCount) cores; kernel \(trim(kernel)); commit \(trim(commit))"
        )
    }

    private static func trim(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
}
