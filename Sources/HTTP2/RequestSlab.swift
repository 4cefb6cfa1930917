import Core

/// The requests of one event loop: a fixed number of slots, so that a flood is refused instead of growing memory.
package final class RequestSlab {
    package let capacity: Int
    private let slots: UnsafeMutablePointer<RequestSlot>
    private let scratch: UnsafeMutableRawPointer
    /// For the sessions whose requests these are; they hold on to the slab.
    let sessionMemory = SessionMemory()
    // One event loop, accesses that call nothing: no run-time exclusivity checks on the hot path.
    @exclusivity(unchecked) private var firstFree: Int32
    /// How many slots are in use.
    @exclusivity(unchecked) package private(set) var liveCount = 0
    /// One above the highest slot that was ever used: what a sweep has to look at.
    @exclusivity(unchecked) package private(set) var highWater = 0
    /// Bytes of all request bodies, and of all answers, in slots that are in use.
    @exclusivity(unchecked) package private(set) var bodyBytesHeld = 0
    @exclusivity(unchecked) package private(set) var answerBytesHeld = 0

    /// Request ids longer than this are replaced by one of ours.
    package static let requestIDBytesMax = 128
    /// Longest value of the extra header of an answer.
    package static let extraHeaderBytesMax = 256
    /// Longest request target; a longer one is answered with 414.
    package static let targetBytesMax = 4096
    /// All header names and values of a request together; more is answered with 431.
    package static let headerBytesMax = 16 << 10
    /// Longest request body; a longer one is answered with 413.
    package static let bodyBytesMax = 1 << 20
    /// All request bodies of this loop together; a request that would exceed it is answered with 503.
    package static let bodyBytesHeldMax = 64 << 20
    /// All answers of this loop that wait for their callers to read, together; see `canHoldAnswer`.
    package static let answerBytesHeldMax = 256 << 20
    private static let keptCapacityMax = 16 << 10
    private static let smallAnswerBytesMax = 4096

    static let lengthOffset = requestIDBytesMax
    static let lengthBytes = 24
    static let statusOffset = lengthOffset + lengthBytes
    static let statusBytes = 8
    static let extraOffset = statusOffset + statusBytes
    static let scratchStride = extraOffset + extraHeaderBytesMax

    package init(capacity: Int) {
        precondition(capacity > 0 && capacity < Int(Int32.max))
        self.capacity = capacity
        slots = .allocate(capacity: capacity)
        scratch = .allocate(byteCount: capacity * Self.scratchStride, alignment: 64)
        slots.initialize(repeating: RequestSlot(), count: capacity)
        for index in 0..<capacity { slots[index].next = index + 1 < capacity ? Int32(index + 1) : -1 }
        firstFree = 0
    }

    deinit {
        for index in 0..<capacity {
            slots[index].target.base?.deallocate()
            slots[index].body.base?.deallocate()
            slots[index].answer.base?.deallocate()
        }
        slots.deallocate()
        scratch.deallocate()
    }

    package subscript(index: Int) -> RequestSlot {
        unsafeAddress {
            precondition(index >= 0 && index < capacity)
            return UnsafePointer(slots + index)
        }
        unsafeMutableAddress {
            precondition(index >= 0 && index < capacity)
            return slots + index
        }
    }

    /// Index and generation as one number: what an asynchronous answer names its request by.
    package func token(of index: Int) -> UInt64 { UInt64(self[index].generation) << 32 | UInt64(index) }

    /// The slot a token names, if that request is still waiting for its answer.
    package func slot(for token: UInt64) -> Int? {
        let index = Int(token & 0xffff_ffff)
        guard index < capacity, slots[index].generation == UInt32(token >> 32), slots[index].state == .received else {
            return nil
        }
        return index
    }

    func acquire() -> Int? {
        guard firstFree >= 0 else { return nil }
        let index = Int(firstFree)
        firstFree = slots[index].next
        slots[index].state = .receiving
        slots[index].method = .other
        slots[index].refusal = 0
        slots[index].hasLines = false
        slots[index].headerBytes = 0
        slots[index].requestIDCount = 0
        slots[index].answerSent = 0
        slots[index].extraHeader = .none
        liveCount += 1
        highWater = max(highWater, index + 1)
        return index
    }

    /// Gives a slot back. Its generation changes, so nothing that still names it can reach the next request in it.
    package func release(_ index: Int) {
        precondition(self[index].state != .free && self[index].transport == nil)
        slots[index].state = .free
        slots[index].generation &+= 1
        bodyBytesHeld -= slots[index].body.count
        answerBytesHeld -= slots[index].answer.count + slots[index].handedOverBytes
        slots[index].handedOverBytes = 0
        slots[index].target.removeAll(keepingCapacityMax: Self.keptCapacityMax)
        slots[index].body.removeAll(keepingCapacityMax: Self.keptCapacityMax)
        slots[index].answer.removeAll(keepingCapacityMax: Self.keptCapacityMax)
        slots[index].next = firstFree
        firstFree = Int32(index)
        liveCount -= 1
    }

    // MARK: The request

    package func target(of index: Int) -> UnsafeRawBufferPointer { self[index].target.bytes }

    package func requestID(of index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: scratch(of: index), count: Int(self[index].requestIDCount))
    }

    func scratch(of index: Int) -> UnsafeMutableRawPointer { scratch + index * Self.scratchStride }

    package func setTarget(_ bytes: UnsafeRawBufferPointer, of index: Int) {
        if bytes.count > Self.targetBytesMax {
            refuse(index, 414)
        } else {
            self[index].target.removeAll(keepingCapacityMax: Self.keptCapacityMax)
            self[index].target.append(bytes)
        }
    }

    /// Takes the caller's request id if it is short and of harmless characters; else the request gets one of ours later.
    package func setRequestID(_ bytes: UnsafeRawBufferPointer, of index: Int) {
        guard bytes.count > 0, bytes.count <= Self.requestIDBytesMax, let start = bytes.baseAddress else { return }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "+"),
                UInt8(ascii: "="), UInt8(ascii: "@"):
                continue
            default: return
            }
        }
        scratch(of: index).copyMemory(from: start, byteCount: bytes.count)
        self[index].requestIDCount = UInt8(bytes.count)
    }

    /// Takes the content type, of which only JSON by lines matters.
    package func setContentType(_ bytes: UnsafeRawBufferPointer, of index: Int) {
        let lines: StaticString = "application/x-ndjson"
        let length = lines.utf8CodeUnitCount
        guard bytes.count >= length else { return }
        for at in 0..<length {
            let byte = bytes[at]
            let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            guard (isCapital ? byte | 0x20 : byte) == lines.utf8Start[at] else { return }
        }
        self[index].hasLines =
            bytes.count == length || bytes[length] == UInt8(ascii: ";") || bytes[length] == UInt8(ascii: " ")
    }

    /// Lets `write` fill in a request id of our own, `length` bytes.
    package func writeRequestID(length: Int, of index: Int, _ write: (UnsafeMutableRawPointer) -> Void) {
        precondition(length > 0 && length <= Self.requestIDBytesMax)
        write(scratch(of: index))
        self[index].requestIDCount = UInt8(length)
    }

    /// Counts a header against the limit of all headers.
    package func countHeader(bytes: Int, of index: Int) {
        self[index].headerBytes &+= Int32(clamping: bytes)
        if self[index].headerBytes > Self.headerBytesMax { refuse(index, 431) }
    }

    package func appendBody(_ bytes: UnsafeRawBufferPointer, of index: Int) {
        guard self[index].refusal == 0 else { return }
        if self[index].body.count + bytes.count > Self.bodyBytesMax {
            refuse(index, 413)
        } else if bodyBytesHeld + bytes.count > Self.bodyBytesHeldMax {
            refuse(index, 503)
        } else {
            self[index].body.append(bytes)
            bodyBytesHeld += bytes.count
        }
    }

    /// Notes the first reason why a request is refused.
    package func refuse(_ index: Int, _ status: UInt16) {
        if self[index].refusal == 0 { self[index].refusal = status }
    }

    /// The request is whole or refused: from here on the receiver owes an answer, and the time for it begins.
    package func markReceived(_ index: Int, now: MonotonicNanoseconds) {
        precondition(self[index].state == .receiving)
        self[index].state = .received
        self[index].startedAt = now
    }

    // MARK: The answer

    /// Whether an answer of `bytes` fits beside those that callers have not read yet, and `due` bytes that others have been promised room for.
    /// Small ones always do: there are only so many slots.
    package func canHoldAnswer(bytes: Int, due: Int = 0) -> Bool {
        bytes <= Self.smallAnswerBytesMax || answerBytesHeld + due + bytes <= Self.answerBytesHeldMax
    }

    /// The transport has an answer's body in a buffer of its own: it counts until the slot is released, but is not kept twice.
    package func handOverAnswer(_ index: Int) {
        precondition(self[index].state == .answered)
        self[index].handedOverBytes += self[index].answer.count
        self[index].answer.removeAll(keepingCapacityMax: Self.keptCapacityMax)
    }

    /// Puts an answer into the slot. `send` of its transport carries it away.
    package func setAnswer(
        _ index: Int, status: UInt16, type: BodyType, body: UnsafeRawBufferPointer, extra: ExtraHeader = .none,
        extraValue: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        precondition(self[index].state == .received)
        self[index].state = .answered
        self[index].status = status
        self[index].bodyType = type
        self[index].answer.append(body)
        answerBytesHeld += body.count
        self[index].answerSent = 0
        self[index].extraHeader = extraValue.count <= Self.extraHeaderBytesMax ? extra : .none
        if extra != .none, let start = extraValue.baseAddress, extraValue.count <= Self.extraHeaderBytesMax {
            self[index].extraCount = UInt16(extraValue.count)
            (scratch(of: index) + Self.extraOffset).copyMemory(from: start, byteCount: extraValue.count)
        }
    }

    package func extraValue(of index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: scratch(of: index) + Self.extraOffset, count: Int(self[index].extraCount))
    }
}
