import Core
import LoadRecord

/// All requests that wait for a stream or an answer: a table of fixed size, and a list through it in the order of planned times.
///
/// As every request has the same patience, the head of the list is always the next to time out.
final class InFlightRequests {
    let capacity: Int
    @exclusivity(unchecked) private(set) var count = 0
    private let table: UnsafeMutablePointer<InFlightRequest>
    private let free: UnsafeMutablePointer<Int32>
    @exclusivity(unchecked) private(set) var head: Int32 = -1
    @exclusivity(unchecked) private var tail: Int32 = -1
    @exclusivity(unchecked) private var buffers: [ByteBuilder] = []
    @exclusivity(unchecked) private var freeBuffers: [Int32] = []

    init(capacity: Int) {
        self.capacity = capacity
        table = .allocate(capacity: capacity)
        table.initialize(repeating: InFlightRequest(), count: capacity)
        free = .allocate(capacity: capacity)
        for index in 0..<capacity { free[index] = Int32(capacity - 1 - index) }
    }

    deinit {
        table.deallocate()
        free.deallocate()
    }

    /// Valid as long as the table; the request's until `release`.
    @inline(__always)
    subscript(_ index: Int) -> UnsafeMutablePointer<InFlightRequest> { table + index }

    var isFull: Bool { count == capacity }

    /// A place at the end of the list. There must be one.
    func take(planned: MonotonicNanoseconds, number: Int) -> Int {
        precondition(count < capacity)
        let index = Int(free[capacity - count - 1])
        count += 1
        table[index] = InFlightRequest()
        table[index].planned = planned
        table[index].number = number
        table[index].previous = tail
        if tail >= 0 { table[Int(tail)].next = Int32(index) } else { head = Int32(index) }
        tail = Int32(index)
        return index
    }

    func release(_ index: Int) {
        let previous = table[index].previous
        let next = table[index].next
        if previous >= 0 { table[Int(previous)].next = next } else { head = next }
        if next >= 0 { table[Int(next)].previous = previous } else { tail = previous }
        if table[index].upload >= 0 { freeBuffers.append(table[index].upload) }
        if table[index].answer >= 0 { freeBuffers.append(table[index].answer) }
        table[index].state = .free
        table[index].connection = nil
        count -= 1
        free[capacity - count - 1] = Int32(index)
    }

    /// An empty buffer for a body: given back with its request.
    func takeBuffer() -> Int32 {
        if let index = freeBuffers.popLast() {
            buffers[Int(index)].removeAll(keepingCapacityMax: 1 << 16)
            return index
        }
        buffers.append(ByteBuilder(capacity: 512))
        return Int32(buffers.count - 1)
    }

    func buffer(_ index: Int32) -> ByteBuilder { buffers[Int(index)] }
}
