/// Where an affiliate id stands: open addressing over 4-byte slots whose keys are read from the ids themselves.
///
/// Linear probing at a load of 0.7; the table need not be a power of two, so it costs 5.7 bytes an entry at any size.
struct IdentifierIndex: Sendable {
    static let emptySlot = UInt32.max
    let slots: Column<UInt32>

    init(entriesMax: Int) {
        slots = Column(repeating: Self.emptySlot, count: entriesMax + entriesMax * 3 / 7 + 2)
    }

    @inline(__always)
    func firstSlot(_ id: Int64) -> Int {
        var hash = UInt64(bitPattern: id) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
        hash &*= 0xD6E8_FEB8_6659_FD93
        // The upper half as a fraction of the table. Its product fits 64 bits, for a table has fewer than 2^33 slots.
        return Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: slots.count)) >> 32)
    }

    @inline(__always)
    func slot(after slot: Int) -> Int { slot &+ 1 == slots.count ? 0 : slot &+ 1 }

    /// The entry with this id, or nil. There is always an empty slot, so the probe ends.
    @inline(__always)
    func find(_ id: Int64, idAt: (UInt32) -> Int64) -> UInt32? {
        var slot = firstSlot(id)
        while true {
            let entry = slots[slot]
            if entry == Self.emptySlot { return nil }
            if idAt(entry) == id { return entry }
            slot = self.slot(after: slot)
        }
    }

    /// Puts an entry in; gives back the one that has the id already, and then changes nothing.
    @inline(__always)
    func insert(_ entry: UInt32, id: Int64, idAt: (UInt32) -> Int64) -> UInt32? {
        var slot = firstSlot(id)
        while true {
            let present = slots[slot]
            if present == Self.emptySlot {
                slots[slot] = entry
                return nil
            }
            if idAt(present) == id { return present }
            slot = self.slot(after: slot)
        }
    }
}
