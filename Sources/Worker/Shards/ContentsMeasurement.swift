import Hierarchy

/// The checksum of a partition that goes on changing: one pass over a snapshot, and what was added and taken away since.
struct ContentsMeasurement {
    private enum State {
        /// Nobody wants to know.
        case off
        /// A snapshot is being measured; `change` is what has happened since.
        case passing(change: UInt64)
        case known(UInt64)
    }

    private var state = State.off
    /// Of passes: an older one's result is no use.
    private var number = 0

    var checksum: UInt64? { if case .known(let checksum) = state { checksum } else { nil } }
    var needsPass: Bool { if case .off = state { true } else { false } }

    mutating func beginPass() -> Int {
        number += 1
        state = .passing(change: 0)
        return number
    }

    mutating func endPass(_ checksum: UInt64, number: Int) {
        guard number == self.number, case .passing(let change) = state else { return }
        state = .known(checksum &+ change)
    }

    /// More has changed than can be followed: another pass is needed.
    mutating func contentsChanged() {
        number += 1
        state = .off
    }

    /// To be told after an affiliate was added to a partition, or changed in it.
    mutating func added(to partition: Partition, _ node: Node) {
        if isOn { add(partition.checksum(of: node)) }
    }

    /// To be told before an affiliate is changed.
    mutating func removed(from partition: Partition, _ node: Node) {
        if isOn { add(0 &- partition.checksum(of: node)) }
    }

    private var isOn: Bool { if case .off = state { false } else { true } }

    private mutating func add(_ part: UInt64) {
        switch state {
        case .off: break
        case .passing(let change): state = .passing(change: change &+ part)
        case .known(let checksum): state = .known(checksum &+ part)
        }
    }
}
