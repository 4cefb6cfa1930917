/// Virtual time, nanoseconds from the beginning of the run.
typealias VirtualTime = UInt64

func milliseconds(_ count: Int) -> VirtualTime { VirtualTime(count) * 1_000_000 }
func microseconds(_ count: Int) -> VirtualTime { VirtualTime(count) * 1000 }

/// What is going to happen, in order of time; what falls on one moment happens in the order in which it was planned.
struct Timeline {
    private struct Event {
        var at: VirtualTime
        var number: UInt64
        var action: () -> Void

        func isBefore(_ other: Event) -> Bool { at != other.at ? at < other.at : number < other.number }
    }

    private(set) var now: VirtualTime = 0
    private(set) var happened: UInt64 = 0
    private var planned: UInt64 = 0
    /// A binary heap, the next event first.
    private var heap: [Event] = []

    mutating func plan(at moment: VirtualTime, _ action: @escaping () -> Void) {
        planned += 1
        heap.append(Event(at: max(moment, now), number: planned, action: action))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Nothing happens until then.
    mutating func pass(to moment: VirtualTime) { now = max(now, moment) }

    /// The next event, whose moment is now; nil when nothing is planned before `end`.
    mutating func next(before end: VirtualTime) -> (() -> Void)? {
        guard let first = heap.first, first.at < end else { return nil }
        now = first.at
        happened += 1
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var child = parent * 2 + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
                guard heap[child].isBefore(heap[parent]) else { break }
                heap.swapAt(child, parent)
                parent = child
            }
        }
        return first.action
    }
}
