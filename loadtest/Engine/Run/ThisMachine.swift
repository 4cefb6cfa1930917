import Core
import Foundation
import LoadRecord

/// What a report says of the machine that generates the load.
package enum ThisMachine {
    /// - Parameter commit: of the sources the generator was built from; empty: unknown.
    package static func environment(target: LoadTarget, commit: String = "") -> RunEnvironment {
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return RunEnvironment(
            target: target.url, processor: processor, cores: ProcessInfo.processInfo.activeProcessorCount, kernel: kernel,
            commit: commit, versionText: buildVersion)
    }

    private static var processor: String {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return "unknown" }
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
            if let colon = line.firstIndex(of: ":") {
                return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
        }
        return "unknown"
    }
}
