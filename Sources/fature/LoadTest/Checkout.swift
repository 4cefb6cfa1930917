import Foundation

/// The source that this program was built from, as far as the current folder tells.
enum Checkout {
    /// The commit's short hash; empty outside of a checkout.
    static let commit: String = {
        let git = Process()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments = ["git", "rev-parse", "--short", "HEAD"]
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        do {
            try git.run()
            let text = try output.fileHandleForReading.readToEnd() ?? Data()
            git.waitUntilExit()
            return git.terminationStatus == 0
                ? String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) : ""
        } catch {
            // No git, no commit: the report says so.
            return ""
        }
    }()
}
