import ClusterSupport
import Foundation
import LoadRecord
import TestServers
import Testing

/// A gateway that is stopped (SIGSTOP) for S seconds in the middle of an open loop of T seconds at r requests a second.
///
/// None of the r·S requests that are planned meanwhile is answered before it goes on; the first of them waits S, the last one nothing. So a share S/T of
/// all has waited, evenly from 0 to S, and of those that x·T·r have waited longer than p: p(1 − x) = S − x·T, for x below S/T.
@Suite("A gateway that stands still", .serialized)
struct StalledGatewayTests {
    private static let seconds = 4.0
    private static let rate = 100.0
    private static let stallSeconds = 1.0
    private static let closedInFlight = 4

    @Test("the percentiles of an open loop are what arithmetic says; a closed loop hides the same stillness")
    func stall() async throws {
        let desk = try await LoadTestDesk.open()
        let gateway = try #require(desk.cluster.pid("gateway-1"))
        // What the machine does by itself: its slowest answer, and what it answers at most.
        let calm = try await record(desk, Self.open, stopping: nil)
        let busy = try await record(desk, Self.closed, stopping: nil)
        let open = try await record(desk, Self.open, stopping: gateway)
        let closed = try await record(desk, Self.closed, stopping: gateway)

        #expect(calm.total.outcomes[.ok] == 400 && open.total.outcomes[.ok] == 400)
        let stall = try stillness(of: open)
        // When the gateway goes on, r·S requests are answered before a new one is; thrice that, since callers and servers share the machine.
        let backlog = Self.rate * stall.most / busy.answerRate
        let tolerance = 3 * (backlog + Double(calm.total.response.max) / 1e6)
        for share in [0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2] {
            let seen = Double(open.total.response.percentile(100 * (1 - share))) / 1e6
            // One request more or less of all, and buckets of three digits.
            let least = (stall.least - share * Self.seconds - 1 / Self.rate) * 0.999
            let most = stall.most - share * Self.seconds + tolerance
            #expect(seen >= least && seen <= most, "p\(100 * (1 - share)) is \(seen) s; arithmetic says \(least) to \(most) s")
        }
        // Who counts from the sending instead sees as much here, for the requests were sent: streams were free. Who waits for answers does not.
        let slow = UInt64(stall.least / 3 * 1e6)
        #expect(slower(open, than: slow) >= Int(Self.rate * stall.least * 0.6))
        #expect(try stillness(of: closed).least >= Self.stallSeconds * 0.99)
        #expect((1...Self.closedInFlight).contains(slower(closed, than: slow)), "\(slower(closed, than: slow))")
        let hidden = Double(closed.total.response.percentile(99)) / 1e6
        #expect(hidden < stall.least / 3, "the closed loop's p99 is \(hidden) s")
    }

    // MARK: Runs

    private static var open: Scenario {
        Scenario(length: "\(Int(seconds))s", rate: Int(rate), operations: queries, objectives: [])
    }
    private static var closed: Scenario {
        Scenario(length: "\(Int(seconds))s", closedInFlight: closedInFlight, operations: queries, objectives: [])
    }
    private static let queries = """
          - do: upline
            weight: 50
          - do: affiliate
            weight: 50
        """

    private func record(_ desk: LoadTestDesk, _ scenario: Scenario, stopping process: pid_t?) async throws -> RunRecord {
        var scenario = scenario
        if let process {
            let command = "kill -STOP \(process); sleep \(Self.stallSeconds); kill -CONT \(process)"
            scenario.events = [("1500ms", "the gateway stands still", ["sh", "-c", command])]
        }
        return try await TestCluster.blocking { [scenario] in
            let run = try desk.run(scenario, ["--no-check", "--quiet"])
            #expect(run.status == 0, "\(run.text)\(run.remarks)")
            return try desk.record()
        }
    }

    /// How long the gateway has stood still: at least the command's `sleep`, at most the whole command.
    private func stillness(of record: RunRecord) throws -> (least: Double, most: Double) {
        let event = try #require(record.events.first)
        #expect(event.exitStatus == 0)
        return (Self.stallSeconds, try #require(event.tookSeconds))
    }

    /// How many answers took at least so long, as far as buckets tell.
    private func slower(_ record: RunRecord, than microseconds: UInt64) -> Int {
        var count = 0
        record.total.response.forEachBucket { if $0 >= microseconds { count += Int($1) } }
        return count
    }
}
