import LoadPlan

extension RunRecord {
    /// Adds what another agent of the same run saw. Counts and histograms add up without loss, in any order of the agents.
    ///
    /// Two figures can only be bounded: the most requests in flight at once is at most the sum of each agent's most, and the longest gap of all is at
    /// most the shortest of each agent's longest; these bounds are what stands in the sum.
    package mutating func merge(_ other: RunRecord) {
        startedAtMicroseconds = min(startedAtMicroseconds, other.startedAtMicroseconds)
        seconds = max(seconds, other.seconds)
        let hasSameSlices = sliceSeconds == other.sliceSeconds
        for theirs in other.operations {
            var added = theirs
            if !hasSameSlices { added.slices = [] }
            if let index = operations.firstIndex(where: { $0.name == theirs.name }) {
                if !hasSameSlices { operations[index].slices = [] }
                operations[index].add(added)
            } else {
                operations.append(added)
            }
        }
        for theirs in other.shards {
            if let index = shards.firstIndex(where: { $0.shard == theirs.shard }) {
                shards[index].add(theirs)
            } else {
                shards.append(theirs)
            }
        }
        shards.sort { $0.shard < $1.shard }
        var series = WindowSeries(windows, secondsEach: windowSeconds)
        series.add(WindowSeries(other.windows, secondsEach: other.windowSeconds))
        windows = series.windows
        windowSeconds = series.secondsEach
        agents += other.agents
        events += other.events.filter { !events.contains($0) }
        events.sort { ($0.atSeconds, $0.label) < ($1.atSeconds, $1.label) }
        if let theirs = other.longestGap { longestGap = longestGap.map { $0.seconds <= theirs.seconds ? $0 : theirs } ?? theirs }
        if let theirs = other.ledger { ledger = ledger.map { $0.adding(theirs) } ?? theirs }
        if let theirs = other.answers { answers = answers.map { $0.adding(theirs) } ?? theirs }
        invalid += other.invalid.filter { !invalid.contains($0) }
        aborted = aborted ?? other.aborted
    }
}

extension ShardRecord {
    package mutating func add(_ other: Self) {
        outcomes.add(other.outcomes)
        response.add(other.response)
    }
}

extension LedgerVerdict {
    fileprivate func adding(_ other: Self) -> Self {
        var sum = self
        sum.accepted += other.accepted
        sum.lost += other.lost
        sum.doubled += other.doubled
        sum.wrong += other.wrong
        sum.unanswered += other.unanswered
        sum.unchecked = unchecked ?? other.unchecked
        sum.examples += other.examples
        return sum
    }
}

extension AnswerVerdict {
    fileprivate func adding(_ other: Self) -> Self {
        var sum = self
        sum.compared += other.compared
        sum.wrong += other.wrong
        sum.skipped += other.skipped
        sum.examples += other.examples
        return sum
    }
}
