import Core

/// What carries requests to the receiver and answers back: an HTTP/2 session or an HTTP/1.1 connection. Lives on one event loop.
///
/// A base class and not a protocol: the slot keeps an unmanaged reference and the call is one virtual dispatch.
open class RequestTransport {
    package let slab: RequestSlab
    /// The transport's live slots, newest first.
    @exclusivity(unchecked) var firstLive: Int32 = -1
    /// Whether the receiver has this transport in its list of those to flush.
    @exclusivity(unchecked) package final var isFlushPending = false

    package init(slab: RequestSlab) { self.slab = slab }

    /// Sends the answer that has been put into the slot. Overridden.
    open func send(slot: Int) {}

    /// Puts what has been sent onto the connection. Overridden.
    open func flush() {}

    /// Takes a slot for a new request of this transport; nil when the slab is full.
    package final func openSlot(stream: Int32, now: MonotonicNanoseconds) -> Int? {
        guard let index = slab.acquire() else { return nil }
        slab[index].transport = .passUnretained(self)
        slab[index].stream = stream
        slab[index].startedAt = now
        slab[index].previous = -1
        slab[index].next = firstLive
        if firstLive >= 0 { slab[Int(firstLive)].previous = Int32(index) }
        firstLive = Int32(index)
        return index
    }

    /// Ends the transport's part in a slot: it is released, unless the receiver still owes an answer, in which case the receiver releases it.
    package final func closeSlot(_ index: Int) {
        let previous = slab[index].previous
        let next = slab[index].next
        if previous >= 0 { slab[Int(previous)].next = next } else { firstLive = next }
        if next >= 0 { slab[Int(next)].previous = previous }
        slab[index].transport = nil
        if slab[index].state != .received { slab.release(index) }
    }

    /// Ends all slots, when the connection is gone.
    package final func closeAllSlots() {
        while firstLive >= 0 { closeSlot(Int(firstLive)) }
    }

    /// Whether any request is being received, answered or waited for.
    package final var hasLiveSlots: Bool { firstLive >= 0 }

    /// Hands requests that have been arriving since before `moment` to the receiver, refused with 408.
    package final func refuseStale(
        before moment: MonotonicNanoseconds, now: MonotonicNanoseconds, receiver: RequestReceiver
    ) {
        var at = firstLive
        while at >= 0 {
            let index = Int(at)
            at = slab[index].next
            guard slab[index].state == .receiving, slab[index].startedAt < moment else { continue }
            slab.refuse(index, 408)
            slab.markReceived(index, now: now)
            receiver.receive(slot: index)
        }
    }
}

/// Who answers requests. Overridden by the gateway; `receive` is called once for each request, when it is whole or refused.
open class RequestReceiver {
    public init() {}
    open func receive(slot: Int) {}
}
