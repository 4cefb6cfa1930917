import LoadPlan
import LoadRecord
import Testing

/// Two agents' records of one run, and what one agent would have recorded.
private func split() throws -> (whole: RunRecord, parts: [RunRecord]) {
    var sample = SampleRun(seconds: 4, rate: 2000)
    sample.stallAt = nil
    sample.hasEvents = false
    let base = try sample.record()
    var parts = [base, base, base]
    var whole = base
    for index in parts.indices {
        parts[index].agents[0].name = "agent-\(index + 1)"
        for window in parts[index].windows.indices { parts[index].windows[window].slipMaxMicroseconds = UInt64(index) }
        for at in 0..<50 {
            let time = UInt64(at * (index + 1) * 37)
            parts[index].operations[index].response.record(microseconds: time)
            parts[index].operations[index].waited.record(microseconds: time)
            parts[index].operations[index].statuses[404, default: 0] += 1
        }
    }
    for index in whole.operations.indices {
        for _ in 0..<2 { whole.operations[index].add(base.operations[index]) }
    }
    for index in parts.indices {
        for at in 0..<50 {
            whole.operations[index].response.record(microseconds: UInt64(at * (index + 1) * 37))
            whole.operations[index].waited.record(microseconds: UInt64(at * (index + 1) * 37))
            whole.operations[index].statuses[404, default: 0] += 1
        }
    }
    return (whole, parts)
}

private func buckets(_ histogram: TimeHistogram) -> [[UInt64]] {
    var buckets: [[UInt64]] = []
    histogram.forEachBucket { buckets.append([$0, $1]) }
    return buckets
}

@Test("the records of agents add up to the record of one agent, bucket by bucket")
func mergingIsLossless() throws {
    let (whole, parts) = try split()
    var merged = parts[0]
    merged.merge(parts[1])
    merged.merge(parts[2])
    for (ours, theirs) in zip(merged.operations, whole.operations) {
        #expect(buckets(ours.response) == buckets(theirs.response))
        #expect(buckets(ours.waited) == buckets(theirs.waited))
        #expect(ours.slices.map(buckets) == theirs.slices.map(buckets))
        #expect(ours.outcomes == theirs.outcomes)
        #expect(ours.statuses == theirs.statuses)
        #expect(ours.planned == theirs.planned)
        #expect(ours.bytes == theirs.bytes)
    }
    for (ours, one) in zip(merged.operations, parts[0].operations) {
        #expect(buckets(ours.slip) == buckets(one.slip).map { [$0[0], 3 * $0[1]] })
        #expect(buckets(ours.service) == buckets(one.service).map { [$0[0], 3 * $0[1]] })
        #expect(buckets(ours.slices[2]) == buckets(one.slices[2]).map { [$0[0], 3 * $0[1]] })
        #expect(ours.planned == 3 * one.planned && ours.bytes == 3 * one.bytes)
        #expect(ours.outcomes[.ok] == 3 * one.outcomes[.ok])
    }
    #expect(merged.windows[2].planned == 3 * parts[0].windows[2].planned)
    #expect(merged.windows[2].response.count == 3 * parts[0].windows[2].response.count)
    #expect(merged.windows[2].slipMaxMicroseconds == 2)
    #expect(merged.shards[1].outcomes.total == 3 * parts[0].shards[1].outcomes.total)
    #expect(merged.agents.map(\.name) == ["agent-1", "agent-2", "agent-3"])
}

@Test("the order of the agents does not matter")
func mergingCommutes() throws {
    let (_, parts) = try split()
    var forwards = parts[0]
    forwards.merge(parts[1])
    var backwards = parts[1]
    backwards.merge(parts[0])
    backwards.agents.reverse()
    #expect(try RunFile.encode(forwards) == RunFile.encode(backwards))
}

@Test("an agent that saw fewer windows or other shards loses nothing of the others")
func mergingUneven() throws {
    var (_, parts) = try split()
    let late = parts[1].windows[3].planned
    parts[0].windows.removeLast()
    parts[0].shards.removeFirst(3)
    parts[0].operations[1].slices = []
    let slice = parts[1].operations[1].slices[0].count
    parts[0].merge(parts[1])
    #expect(parts[0].windows.count == 4)
    #expect(parts[0].windows[3].planned == late)
    #expect(parts[0].shards.map(\.shard) == Array(0..<8))
    #expect(parts[0].operations[1].slices[0].count == slice)
}

@Test("why a run is invalid and what its events were is told once, whichever agents tell it")
func mergingReasons() throws {
    var (_, parts) = try split()
    let event = EventRecord(atSeconds: 2, label: "deploy")
    parts[0].events = [event]
    parts[1].events = [EventRecord(atSeconds: 1, label: "kill"), event]
    parts[0].invalid = ["slip"]
    parts[1].invalid = ["slip", "processor"]
    parts[0].longestGap = GapRecord(fromSeconds: 1, seconds: 2)
    parts[1].longestGap = GapRecord(fromSeconds: 1.5, seconds: 1)
    parts[0].merge(parts[1])
    #expect(parts[0].events.map(\.label) == ["kill", "deploy"])
    #expect(parts[0].invalid == ["slip", "processor"])
    #expect(parts[0].longestGap?.seconds == 1)
}
