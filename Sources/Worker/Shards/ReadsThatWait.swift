import Core

/// How long a read or a transaction that has not begun may wait for its shard.
struct WaitLimits {
    /// At the end of its request's budget nobody waits for the answer any more.
    let deadline: MonotonicNanoseconds
    /// Behind a hand-off's commit it waits no longer than so; then its gateway asks again, who knows of other owners sooner than we.
    let heldUntil: MonotonicNanoseconds

    /// A little less than a gateway's own patience with a shard that is between two owners (2 s).
    static let heldNanosecondsMax: UInt64 = 1_500_000_000

    init(deadline: MonotonicNanoseconds, now: MonotonicNanoseconds) {
        self.deadline = deadline
        heldUntil = min(deadline, now &+ Self.heldNanosecondsMax)
    }
}

/// What wakes a read that waits: called once.
enum Waking {
    /// What it waited for may have come: it is asked about once more.
    case again
    /// Its time is over.
    case over
}

/// Reads that wait for something, each with the end of its time.
struct ReadsThatWait<Key> {
    private var reads: [(key: Key, until: MonotonicNanoseconds, wake: (Waking) -> Void)] = []
    private let countMax: Int

    init(countMax: Int) { self.countMax = countMax }

    /// Keeps a read; false when too many wait.
    mutating func add(_ key: Key, until: MonotonicNanoseconds, _ wake: @escaping (Waking) -> Void) -> Bool {
        guard reads.count < countMax else { return false }
        reads.append((key, until, wake))
        return true
    }

    var isEmpty: Bool { reads.isEmpty }

    mutating func takeAll() -> [(Waking) -> Void] {
        defer { reads = [] }
        return reads.map(\.wake)
    }

    mutating func take(where isMeant: (Key) -> Bool) -> [(Waking) -> Void] {
        guard !reads.isEmpty else { return [] }
        let taken = reads.filter { isMeant($0.key) }
        if !taken.isEmpty { reads.removeAll { isMeant($0.key) } }
        return taken.map(\.wake)
    }

    mutating func takeExpired(_ now: MonotonicNanoseconds) -> [(Waking) -> Void] {
        guard reads.contains(where: { $0.until <= now }) else { return [] }
        let expired = reads.filter { $0.until <= now }
        reads.removeAll { $0.until <= now }
        return expired.map(\.wake)
    }
}
