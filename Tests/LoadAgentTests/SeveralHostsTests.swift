import ClusterSupport
import Core
import Foundation
import LoadRecord
import PostgresClient
import TestServers
import Testing

/// A cluster, and two hosts with an agent each, which reach its gateway over their own cables.
private struct Field: Sendable {
    let cluster: TestCluster
    let agents: [AgentProcess]
    let target: String
    let scratch: ScratchFolder
    var tokenFile: String { "\(scratch.path)/token" }

    static func open() async throws -> Field {
        let cluster = try await TestCluster.start(gateways: 1, redis: try await .start())
        return try await TestCluster.blocking {
            let scratch = try ScratchFolder("agents")
            let tokenFile = try secret(in: scratch, "token")
            let hosts = [try NetworkHost(), try NetworkHost()]
            let gateway = try cluster.startGateway("outside", environment: ["FATURE_GATEWAY_LISTEN_HOST=\(hosts[0].ourAddress)"])
            return Field(
                cluster: cluster, agents: try hosts.map { try AgentProcess(on: $0, tokenFile: tokenFile) },
                target: "http://\(hosts[0].ourAddress):\(gateway)", scratch: scratch)
        }
    }

    static func secret(in scratch: ScratchFolder, _ name: String) throws -> String {
        let path = "\(scratch.path)/\(name)"
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data("\(UUID())\n".utf8), attributes: [.posixPermissions: 0o600])
        else { throw TestServerError("cannot write \(path)") }
        return path
    }

    /// So many seconds of queries and transactions, 300 requests a second.
    func scenario(seconds: Int) throws -> String {
        let path = "\(scratch.path)/scenario-\(seconds).yaml"
        try """
        name: several-hosts
        warm_up: 1s
        phases:
          - name: steady
            length: \(seconds)s
            shape: constant
            rate: 300
        operations:
          - name: single
            do: transactions
            weight: 40
          - name: batch
            do: transactions
            batch: 5
            weight: 10
          - name: upline
            do: upline
            weight: 50
        limits:
          slip_p99: 10s      # a test's machine may be busy
          generator_cpu: 100%
        objectives:
          - errors==0
          - lost==0
          - doubled==0
          - wrong==0
          - wrong_answers==0
        """.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func run(seconds: Int, tokenFile: String? = nil, agents: String? = nil) async throws -> (CommandRun, RunRecord?) {
        let json = "\(scratch.path)/\(UUID()).json"
        let scenario = try scenario(seconds: seconds)
        let run = try await TestCluster.blocking {
            try cluster.run(
                "loadtest", "run", scenario, "--target", target, "--agents",
                agents ?? self.agents.map(\.name).joined(separator: ","), "--token-file", tokenFile ?? self.tokenFile, "--json",
                json,
                "--markdown", "\(scratch.path)/run.md")
        }
        let record = FileManager.default.contents(atPath: json)
        return (run, try record.map { try RunFile.decode(Array($0)) })
    }

    func transactions() throws -> Int64 {
        try cluster.connect().execute("SELECT count(*) FROM fature_v2.transactions").int(0, 0)
    }
}

@Suite("A load from several hosts", .serialized)
struct SeveralHostsTests {
    @Test("two hosts send one load: their figures add up to it, and the ledger holds what both were told was accepted")
    func wholeRun() async throws {
        let field = try await Field.open()
        let before = field.agents.map(\.host.sentBytes)
        let (run, given) = try await field.run(seconds: 5)
        #expect(run.status == 0, "\(run.text)\(run.remarks)\(field.agents.map(\.log))")
        let record = try #require(given)
        let total = record.total
        #expect(total.planned == 1500 && total.outcomes[.ok] == 1500 && total.errors == 0)
        #expect(record.windows.map(\.planned) == [300, 300, 300, 300, 300])
        #expect(record.agents.map(\.name) == field.agents.map(\.name))
        #expect(record.agents.map(\.sent) == [750, 750])
        #expect(
            record.agents.allSatisfy { $0.clockErrorMicroseconds ?? 1e9 < 1e6 && $0.host != nil && $0.slipP99Microseconds != nil }
        )
        for (agent, bytes) in zip(field.agents, before) { #expect(agent.host.sentBytes - bytes > 900 * 9, "\(agent.name)") }

        let ledger = try #require(record.ledger)
        #expect(ledger.unchecked == nil && ledger.lost == 0 && ledger.doubled == 0 && ledger.wrong == 0)
        #expect(try ledger.accepted == Int(field.transactions()) && ledger.accepted > 1500 / 4)
        let answers = try #require(record.answers)
        #expect(answers.compared > 0 && answers.wrong == 0)
        for agent in field.agents { #expect(run.text.contains("Agent \(agent.name): 750 sent"), "\(run.text)") }

        // The agents are free again, and the same load from one host is the same load.
        let (alone, one) = try await field.run(seconds: 5, agents: field.agents[1].name)
        #expect(alone.status == 0, "\(alone.text)\(alone.remarks)")
        #expect(one?.operations.map(\.planned) == record.operations.map(\.planned))
        #expect(one?.ledger?.accepted == ledger.accepted)
    }

    @Test("an agent that is killed in the run makes it invalid under its name, and the other one is stopped")
    func killed() async throws {
        let field = try await Field.open()
        async let ran = field.run(seconds: 300)
        try await TestCluster.blocking {
            try TestCluster.wait("transactions of the run", seconds: 60) { try field.transactions() > 100 }
            field.agents[1].kill()
        }
        let (run, record) = try await ran
        #expect(run.status == 2, "\(run.text)\(run.remarks)\(field.agents.map(\.log))")
        #expect(run.text.contains("agent \(field.agents[1].name) was lost"), "\(run.text)")
        #expect(record?.invalid.first?.contains("agent \(field.agents[1].name) was lost") == true)
        #expect(record?.agents.map(\.name) == [field.agents[0].name])
        #expect(record?.ledger?.unchecked?.contains(field.agents[1].name) == true)
        #expect(field.agents[0].log.contains("before its time: agent \(field.agents[1].name) was lost"), "\(field.agents[0].log)")
    }

    @Test("an agent that is not there, and one with another token, are exit status 3 before any load")
    func refused() async throws {
        let field = try await Field.open()
        let absent = "\(field.agents[1].host.address):7401"
        let (run, record) = try await field.run(seconds: 5, agents: "\(field.agents[0].name),\(absent)")
        #expect(run.status == 3 && record == nil)
        #expect(run.remarks.contains("no agent at \(absent)"), "\(run.remarks)")
        let other = try Field.secret(in: field.scratch, "other")
        let (stranger, _) = try await field.run(seconds: 5, tokenFile: other)
        #expect(stranger.status == 3)
        #expect(stranger.remarks.contains("agent \(field.agents[0].name): its token is another one"), "\(stranger.remarks)")
        #expect(try field.transactions() == 0)
        #expect(field.agents.allSatisfy { !$0.log.contains("begins") })
    }
}
