import Foundation

/// The files of this repository, as the tidy tests read them.
enum Repository {
    struct File {
        /// From the repository's root.
        let path: String
        let text: String
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// All files under a folder whose names end in `suffix`, sorted. Build products and data are nowhere below these folders.
    static func files(in folders: [String], suffix: String) throws -> [File] {
        var files: [File] = []
        for folder in folders {
            let base = "\(root)/\(folder)"
            guard let walk = FileManager.default.enumerator(atPath: base) else { continue }
            for case let name as String in walk where name.hasSuffix(suffix) && !name.hasPrefix(".") {
                files.append(try file("\(folder)/\(name)"))
            }
        }
        return files.sorted { $0.path < $1.path }
    }

    static func file(_ path: String) throws -> File {
        File(path: path, text: try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8))
    }

    static func swiftFiles() throws -> [File] {
        try files(in: ["Sources", "Tests", "loadtest"], suffix: ".swift") + [file("Package.swift")]
    }
}
