import Foundation
import Testing

/// The floor of each of our targets. A target imports only from floors below its own.
private let floors = [
    "CPostgreSQL": 0, "CHiredis": 0, "CNGHTTP2": 0, "CLinux": 0,
    "Core": 1,
    "Hierarchy": 2, "Placement": 2, "Ownership": 2, "Dataset": 2, "Frames": 2, "Commission": 2,
    "PostgresClient": 3, "RedisClient": 3, "JobQueue": 3, "HTTP2": 3, "Telemetry": 3, "Store": 3, "PlanFiles": 3,
    "YAMLFiles": 3, "Simulation": 3, "ClusterTLS": 3, "Administration": 3,
    "Worker": 4, "Coordinator": 4, "Gateway": 4,
    "fature": 5, "fature-bench": 5,
    "LoadPlan": 2, "LoadFiles": 3, "LoadRecord": 3, "LoadEngine": 4, "LoadReport": 4, "LoadCheck": 4,
]
/// Neighbours on one floor that may be imported, with the reason.
private let exceptions: [String: Set<String>] = [
    // Store is the cluster's SQL over the PostgreSQL client.
    "Store": ["PostgresClient"],
    // Administration is what people do with that SQL.
    "Administration": ["Store", "PostgresClient"],
    // JobQueue is the cluster's scripts over the Redis client.
    "JobQueue": ["RedisClient"],
    // Plans and scenarios are YAML files.
    "PlanFiles": ["YAMLFiles"], "LoadFiles": ["YAMLFiles"],
]
/// Modules of I/O that the pure floors 1 and 2 do without.
private let ioModules: Set = ["Foundation", "NIOCore", "NIOPosix", "Logging", "Dispatch"]

private func imports(of text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "import"), index + 1 < words.count else { return nil }
        // `import Foundation`, `@testable import X`, `private import struct X.Y`
        guard words[..<index].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0) })
        else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
        let name = kinds.contains(words[index + 1]) && index + 2 < words.count ? words[index + 2] : words[index + 1]
        return name.split(separator: ".").first.map(String.init)
    }
}

@Test("no target imports from its own floor or one above")
func floorsAreRespected() throws {
    for file in try Repository.files(in: ["Sources", "loadtest"], suffix: ".swift") {
        let folders = file.path.split(separator: "/")
        // The load harness: `loadtest/Plan` is the target `LoadPlan`.
        let target = folders[0] == "loadtest" ? "Load" + folders[1] : String(folders[1])
        let floor = try #require(floors[target], "\(file.path): \(target) has no floor; add it to the table")
        for module in imports(of: file.text) {
            guard let other = floors[module] else {
                #expect(!(floor <= 2 && ioModules.contains(module)), "\(file.path): a pure floor imports \(module)")
                continue
            }
            let isExcepted = exceptions[target]?.contains(module) ?? false
            #expect(other < floor || isExcepted, "\(file.path): \(target) (floor \(floor)) imports \(module) (floor \(other))")
        }
    }
}

@Test("an import is found however it is written")
func importsAreFound() {
    let text = """
        import Core
        @testable import Store
        private import struct Gateway.Route
          import Worker
        // import Comment
        let important = "import Nothing"
        """
    #expect(imports(of: text) == ["Core", "Store", "Gateway", "Worker"])
}
