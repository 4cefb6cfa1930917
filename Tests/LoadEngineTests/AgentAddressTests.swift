import LoadPlan
import LoadRecord
import Testing

@testable import LoadEngine

@Suite("Addresses and shares of agents")
struct AgentAddressTests {
    @Test("an address is a host and a port, an IPv6 one in brackets")
    func address() throws {
        #expect(try AgentAddress("10.0.0.8:7400") == AgentAddress(host: "10.0.0.8", port: 7400))
        #expect(try AgentAddress("[fe80::1]:7400") == AgentAddress(host: "fe80::1", port: 7400))
        #expect(try AgentAddress("[fe80::1]:7400").description == "[fe80::1]:7400")
    }

    @Test(
        "what is no address is told",
        arguments: ["", "host", ":7400", "host:", "host:x", "host:65536", "fe80::1:7400", "[]:1", "host:-1"])
    func none(text: String) {
        #expect(throws: LoadSetUpError.self) { try AgentAddress(text) }
    }

    @Test(
        "only what nobody else reaches is loopback",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("0.0.0.0", false), ("10.0.0.1", false), ("::", false),
            ("fe80::1", false), ("::ffff:10.0.0.1", false),
        ])
    func loopback(host: String, isLoopback: Bool) throws {
        #expect(try SocketAddress(host: host, port: 1).isLoopback == isLoopback)
    }

    @Test("agents share connections and requests in flight so that the sum is the scenario's", arguments: [1, 2, 3, 7])
    func shares(agents: Int) {
        var load = TestLoad(closedInFlight: 101)
        load.connections = 17
        load.maxInFlight = 1003
        let plans = (0..<agents).map {
            SenderPlan(load.scenario, sliceSeconds: 1, closedInFlight: 101, agent: $0, agents: agents)
        }
        #expect(plans.reduce(0) { $0 + $1.connections } == 17)
        #expect(plans.reduce(0) { $0 + $1.maxInFlight } == 1003)
        #expect(plans.reduce(0) { $0 + ($1.closedInFlight ?? 0) } == 101)
    }

    @Test("a picture of a long run holds its last minute alone, at the place it had")
    func picture() throws {
        var record = RunRecord(
            scenario: TestLoad().scenario, environment: ThisMachine.environment(target: LoadTarget(host: "h", port: 1)),
            startedAtMicroseconds: 0)
        record.windows = (0..<100).map { index in
            var window = WindowRecord()
            window.planned = index
            return window
        }
        let whole = try AgentPicture(record).whole()
        #expect(whole.windows.map(\.planned) == [Int](repeating: 0, count: 40) + Array(40..<100))
    }
}
