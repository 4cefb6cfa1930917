import LoadPlan

extension OperationRecord {
    /// Requests that ended without an answer, or were not sent because too many were in flight. They are in no histogram of response times.
    package var withoutAnswer: Int {
        overflow + outcomes[.refusedStream] + outcomes[.reset] + outcomes[.lost] + outcomes[.timeout] + outcomes[.unsent]
    }

    /// Requests that did not end `ok`, overflow included.
    package var errors: Int { outcomes.errors + overflow }

    /// Those planned; at least as many as have ended.
    package var requests: Int { max(planned, outcomes.total + overflow) }

    /// `errors` as a share of `requests`; 0 when there were none.
    package var errorShare: Double { requests == 0 ? 0 : Double(errors) / Double(requests) }

    /// The response time that `percent` of all requests kept, those without an answer counted as slower than any: who never got an answer must
    /// not make the rest look better. Nil: so many got none that it has no bound. Microseconds.
    package func percentileOfAll(_ percent: Double) -> UInt64? {
        let answers = response.count
        guard answers > 0 else { return nil }
        let missing = UInt64(max(0, withoutAnswer))
        guard missing > 0 else { return response.percentile(percent) }
        let rank = percent / 100 * Double(answers + missing)
        guard rank <= Double(answers) else { return nil }
        return response.percentile(min(100, rank / Double(answers) * 100))
    }

    /// Adds what another agent saw of the same operation.
    package mutating func add(_ other: Self) {
        planned += other.planned
        overflow += other.overflow
        outcomes.add(other.outcomes)
        statuses.merge(other.statuses, uniquingKeysWith: +)
        response.add(other.response)
        service.add(other.service)
        slip.add(other.slip)
        waited.add(other.waited)
        bytes += other.bytes
        for (index, slice) in other.slices.enumerated() {
            if index < slices.count { slices[index].add(slice) } else { slices.append(slice) }
        }
    }
}

extension RunRecord {
    /// All operations together. It adds histograms: ask once.
    package var total: OperationRecord {
        var total = OperationRecord(name: "all")
        for operation in operations {
            var whole = operation
            whole.slices = []
            total.add(whole)
        }
        return total
    }

    /// Answers that came in the measured time, a second of it.
    package var answerRate: Double {
        seconds > 0 ? Double(windows.reduce(0) { $0 + $1.answered }) / seconds : 0
    }

    /// Requests planned a second of the measured time.
    package var plannedRate: Double {
        seconds > 0 ? Double(operations.reduce(0) { $0 + $1.planned }) / seconds : 0
    }

    /// It had no planned times: a slow server slowed the load down with it.
    package var isClosedLoop: Bool {
        scenario.phases.contains { if case .closed = $0.shape { true } else { false } }
    }

    /// The longest time without an `ok` answer, microseconds: the whole run when there was none.
    package var longestGapMicroseconds: Double {
        if let longestGap { return longestGap.seconds * 1_000_000 }
        return operations.contains { $0.outcomes[.ok] > 0 } ? 0 : seconds * 1_000_000
    }
}
