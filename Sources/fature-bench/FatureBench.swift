import Foundation

/// Measures the product: its parts alone in this process, and whole clusters against their peers.
///
/// One file a benchmark; a new one is added to `Benchmark.all`.
@main
struct FatureBench {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first, let benchmark = Benchmark.all.first(where: { $0.name == name }) else {
            print(usage)
            return
        }
        do {
            try benchmark.run(Array(arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("fature-bench: \(error)\n".utf8))
            exit(1)
        }
    }

    private static var usage: String {
        let lines = Benchmark.all.map { "  fature-bench \($0.usage)\n      \($0.summary)" }
        return "usage:\n" + lines.joined(separator: "\n")
    }
}

struct Benchmark: Sendable {
    let name: String
    let usage: String
    let summary: String
    let run: @Sendable ([String]) throws -> Void

    static let all = [partition, queue, http, ledger, torture, simulate]
}
