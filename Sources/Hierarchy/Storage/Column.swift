/// A fixed run of plain values owned by whoever allocated it.
///
/// A trivial struct rather than an array: reading one costs no reference counting and no exclusivity check. Indices are
/// checked in debug builds; in release builds every index comes from a checked `Node` or from an array whose values the
/// builder bounded.
struct Column<Element: BitwiseCopyable>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Element>
    let count: Int

    /// Uninitialised room: the owner writes every element before it is read.
    init(count: Int) {
        self.start = .allocate(capacity: max(count, 1))
        self.count = count
    }

    init(repeating value: Element, count: Int) {
        self.init(count: count)
        start.initialize(repeating: value, count: count)
    }

    /// Room that someone else owns.
    init(viewing start: UnsafeMutablePointer<Element>, count: Int) {
        self.start = start
        self.count = count
    }

    init(copying other: Column) {
        self.init(count: other.count)
        start.initialize(from: other.start, count: other.count)
    }

    @inline(__always)
    subscript(_ i: Int) -> Element {
        get {
            assert(i >= 0 && i < count)
            return start[i]
        }
        nonmutating set {
            assert(i >= 0 && i < count)
            start[i] = newValue
        }
    }

    @inline(__always)
    subscript(_ i: UInt32) -> Element {
        get { self[Int(i)] }
        nonmutating set { self[Int(i)] = newValue }
    }

    var bytes: Int { count * MemoryLayout<Element>.stride }

    func deallocate() { start.deallocate() }
}
