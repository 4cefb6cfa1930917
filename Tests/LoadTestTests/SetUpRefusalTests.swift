import ClusterSupport
import Foundation
import TestServers
import Testing

@Suite("fature loadtest run refuses what cannot be set up", .serialized)
struct SetUpRefusalTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder("loadtest") }

    /// One request a second for a page: PostgreSQL is not asked.
    private func pages() throws -> String {
        try Scenario(
            length: "1s", rate: 1, operations: "  - do: get\n    path: /index.html\n    weight: 1", objectives: ["errors==0"]
        )
        .write(in: scratch)
    }

    /// Runs it, and gives its one line of complaint. No report is written: there was no load.
    private func refusal(_ arguments: [String]) async throws -> String {
        let report = "\(scratch.path)/run.json"
        let run = try await TestCluster.blocking {
            try CommandRun.fature(["loadtest", "run"] + arguments + ["--json", report], environment: [:])
        }
        #expect(run.status == 3 && run.text.isEmpty, "\(arguments): \(run.status)\n\(run.text)\(run.remarks)")
        #expect(!FileManager.default.fileExists(atPath: report))
        let lines = run.remarks.split(separator: "\n")
        #expect(lines.count == 1, "\(run.remarks)")
        return lines.first.map(String.init) ?? ""
    }

    @Test("nobody at the target is exit status 3, with its address and what to do")
    func unreachable() async throws {
        let port = try ScratchServer.freePort()
        let told = try await refusal([pages(), "--target", "http://127.0.0.1:\(port)"])
        #expect(told.contains("nobody at http://127.0.0.1:\(port)") && told.contains("start the target"), "\(told)")
    }

    @Test("a fault in a scenario is exit status 3, with file, line and field")
    func badScenario() async throws {
        let path = try pages()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line =
            try #require(text.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains("rate:") }) + 1
        try text.replacing("rate: 1", with: "rate: fast").write(toFile: path, atomically: true, encoding: .utf8)
        let told = try await refusal([path, "--target", "http://127.0.0.1:1"])
        #expect(told.contains("\(path):\(line): phases[0].rate: 'fast'"), "\(told)")
        let missing = try await refusal(["\(scratch.path)/none.yaml", "--target", "http://127.0.0.1:1"])
        #expect(missing.contains("none.yaml"))
    }

    @Test("a certificate of another host, of another authority or of none that is known is exit status 3; the right one is 0")
    func certificates() async throws {
        let server = try TLSServer(names: "DNS:localhost")
        let other = try TLSServer(names: "DNS:elsewhere.example")
        let scenario = try pages()
        let target = "https://localhost:\(server.port)"

        let wrongHost = try await refusal(
            [scenario, "--target", "https://localhost:\(other.port)", "--ca-file", other.authority])
        #expect(wrongHost.contains("is for another host than localhost"), "\(wrongHost)")
        let wrongAuthority = try await refusal([scenario, "--target", target, "--ca-file", other.authority])
        #expect(wrongAuthority.contains("is not signed by the CA in \(other.authority)"), "\(wrongAuthority)")
        let unknown = try await refusal([scenario, "--target", target])
        #expect(unknown.contains("is not signed by a CA of the system") && unknown.contains("--ca-file"), "\(unknown)")

        let run = try await TestCluster.blocking {
            try CommandRun.fature(
                ["loadtest", "run", scenario, "--target", target, "--ca-file", server.authority], environment: [:])
        }
        #expect(run.status == 0, "\(run.text)\(run.remarks)")
    }
}
