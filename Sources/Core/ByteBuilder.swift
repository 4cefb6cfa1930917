/// A growable run of bytes that is written at its end and reused: the output side of frames and JSON bodies.
///
/// A reference, so that it can be handed down a call chain without copies. It belongs to one thread, and no access to it calls out while it
/// lasts: the run-time check for overlapping accesses, which cost a third of an answer's time, is switched off for its three fields.
package final class ByteBuilder {
    @exclusivity(unchecked) package private(set) var base: UnsafeMutableRawPointer
    @exclusivity(unchecked) package private(set) var capacity: Int
    /// How many bytes have been written since the last `removeAll`.
    @exclusivity(unchecked) package private(set) var count: Int = 0

    package init(capacity: Int = 4096) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// The bytes written so far; valid until the next write.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Forgets what was written. Memory above `keepingCapacityMax` bytes is given back, so that one large answer does not stay forever.
    package func removeAll(keepingCapacityMax: Int = 1 << 20) {
        count = 0
        if capacity > keepingCapacityMax {
            base.deallocate()
            capacity = keepingCapacityMax
            base = .allocate(byteCount: capacity, alignment: 16)
        }
    }

    /// Forgets everything written after the first `length` bytes.
    package func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }

    /// Makes room for `extra` more bytes.
    package func reserve(_ extra: Int) {
        if count + extra > capacity { grow(extra) }
    }

    func grow(_ extra: Int) {
        var wanted = capacity * 2
        while wanted < count + extra { wanted *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
        capacity = wanted
    }

    /// Moves the end forward over `length` bytes that the caller has written through `tail` after a `reserve`.
    package func advance(_ length: Int) {
        precondition(length >= 0 && count + length <= capacity)
        count += length
    }

    /// Where the next byte goes; at least as much room as was reserved.
    package var tail: UnsafeMutableRawPointer { base + count }

    package func append(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    package func append(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        reserve(source.count)
        (base + count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    package func append(_ text: StaticString) {
        reserve(text.utf8CodeUnitCount)
        (base + count).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        count += text.utf8CodeUnitCount
    }

    package func append(_ text: some StringProtocol) {
        var copy = String(text)
        copy.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    // Little-endian. One function a width and not a generic one: across modules that is not specialised, and costs a witness call a byte order.

    package func appendInteger(_ value: UInt16) {
        reserve(2)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt16.self)
        count += 2
    }

    package func appendInteger(_ value: UInt32) {
        reserve(4)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt32.self)
        count += 4
    }

    package func appendInteger(_ value: UInt64) {
        reserve(8)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt64.self)
        count += 8
    }

    package func appendInteger(_ value: Int64) { appendInteger(UInt64(bitPattern: value)) }

    /// Overwrites an integer written earlier, little-endian.
    package func replaceInteger(at offset: Int, with value: UInt32) {
        precondition(offset >= 0 && offset + 4 <= count)
        base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Decimal digits of `value`.
    package func appendDecimal(_ value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        appendDecimal(magnitude: value.magnitude)
    }

    package func appendDecimal(_ value: UInt64) { appendDecimal(magnitude: value) }

    func appendDecimal(magnitude: UInt64) {
        var rest = magnitude
        var length = 1
        var bound: UInt64 = 10
        while length < 20, rest >= bound {
            length += 1
            let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
            if overflow {
                break
            }
            bound = next
        }
        reserve(length)
        var at = count + length
        repeat {
            at -= 1
            base.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) &+ 48, toByteOffset: at, as: UInt8.self)
            rest /= 10
        } while at > count
        count += length
    }

    package func appendDecimal(_ value: Int) { appendDecimal(Int64(value)) }
}
