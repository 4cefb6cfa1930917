import Foundation

/// Finds the programs of other packages that we start.
struct Programs {
    /// The folders of PATH, in order.
    let searchPath: [String]

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        searchPath = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    }

    /// A program on the PATH, or nil.
    func find(_ name: String) -> String? { first(name, in: searchPath) }

    /// A program of the PostgreSQL server: the newest of Debian's versioned folders, else the PATH.
    ///
    /// - Parameter versionFolder: where Debian keeps one folder per major version.
    func findPostgres(_ name: String, versionFolder: String = "/usr/lib/postgresql") -> String? {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: versionFolder)) ?? []
        let newestFirst = versions.compactMap { Int($0) }.sorted(by: >)
        return first(name, in: newestFirst.map { "\(versionFolder)/\($0)/bin" }) ?? find(name)
    }

    private func first(_ name: String, in folders: [String]) -> String? {
        folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The running executable itself.
    static func ourselves() throws(CommandError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw CommandError.file("read", "/proc/self/exe", errno: errno) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
