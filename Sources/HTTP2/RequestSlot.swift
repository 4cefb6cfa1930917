import Core

/// The request methods the product tells apart.
package enum RequestMethod: UInt8, Sendable {
    case get, head, post, patch, put, delete, options, other

    package init(_ text: UnsafeRawBufferPointer) {
        if text.equals("GET") {
            self = .get
        } else if text.equals("POST") {
            self = .post
        } else if text.equals("HEAD") {
            self = .head
        } else if text.equals("PATCH") {
            self = .patch
        } else if text.equals("PUT") {
            self = .put
        } else if text.equals("DELETE") {
            self = .delete
        } else if text.equals("OPTIONS") {
            self = .options
        } else {
            self = .other
        }
    }
}

/// Where a request is on its way through the gateway.
package enum SlotState: UInt8, Sendable {
    /// In the slab's free list.
    case free
    /// Headers or body are still arriving.
    case receiving
    /// Complete, and in the hands of the receiver, which owes an answer.
    case received
    /// Answered; the transport is sending.
    case answered
}

/// A header that some answers carry beside the usual ones.
package enum ExtraHeader: UInt8, Sendable {
    case none, allow, retryAfter, location
}

/// What an answer's body is.
package enum BodyType: UInt8, Sendable {
    case json, problem, metrics

    package var contentType: StaticString {
        switch self {
        case .json: "application/json"
        case .problem: "application/problem+json"
        case .metrics: "text/plain; version=0.0.4; charset=utf-8"
        }
    }
}

/// One request and its answer: plain data in a slab, reused, never allocated for a request.
///
/// Pointers belong to the slab. A slot is named from outside by index and generation; the generation changes when the slot is released, so a
/// late answer for an old request finds nobody.
package struct RequestSlot {
    package internal(set) var generation: UInt32 = 0
    package internal(set) var state: SlotState = .free
    /// Neighbours in the transport's list of live slots, or the next free slot; -1 ends a list.
    var next: Int32 = -1
    var previous: Int32 = -1
    /// Who carries the answer; nil once the caller has gone.
    package internal(set) var transport: Unmanaged<RequestTransport>?
    package internal(set) var stream: Int32 = 0

    package var method: RequestMethod = .other
    /// An HTTP status that the transport found due before the request was whole (408, 413, 414, 431, 503), or 0.
    package var refusal: UInt16 = 0
    /// Whether the body is JSON objects, one a line: its content type says so.
    package internal(set) var hasLines = false
    var headerBytes: Int32 = 0
    package internal(set) var requestIDCount: UInt8 = 0
    /// When it began to arrive; from `.received` on, when it was whole.
    package internal(set) var startedAt: MonotonicNanoseconds = 0

    var target: GrowableBytes = .init()
    package internal(set) var body: GrowableBytes = .init()

    package internal(set) var status: UInt16 = 0
    package internal(set) var bodyType: BodyType = .json
    package internal(set) var extraHeader: ExtraHeader = .none
    var extraCount: UInt16 = 0
    package internal(set) var answer: GrowableBytes = .init()
    var answerSent: Int = 0
    /// Bytes of the answer that the transport holds in a buffer of its own.
    var handedOverBytes = 0
}

/// A small owned buffer inside a slot. Copied only with its slot, freed only by the slab.
package struct GrowableBytes {
    var base: UnsafeMutableRawPointer?
    package private(set) var count = 0
    var capacity = 0

    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        if count + source.count > capacity { grow(to: count + source.count) }
        base.unsafelyUnwrapped.advanced(by: count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    private mutating func grow(to needed: Int) {
        var wanted = max(capacity * 2, 256)
        while wanted < needed { wanted *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        if let base {
            larger.copyMemory(from: base, byteCount: count)
            base.deallocate()
        }
        base = larger
        capacity = wanted
    }

    /// Empties it; memory above `keepingCapacityMax` bytes is given back.
    mutating func removeAll(keepingCapacityMax: Int) {
        count = 0
        if capacity > keepingCapacityMax {
            base?.deallocate()
            base = nil
            capacity = 0
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these bytes are exactly `text`.
    package func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let other = text.utf8Start
        for at in 0..<count where self[at] != other[at] { return false }
        return true
    }
}
