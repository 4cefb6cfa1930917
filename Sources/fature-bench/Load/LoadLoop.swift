import Core
import Glibc

/// Work that sends requests by a clock of its own.
protocol LoadDriver: AnyObject {
    var connections: [LoadConnection] { get }
    /// Sends what is due. Returns when it wants its next turn, at the latest; nil once it sends nothing more and waits for nothing.
    func turn(_ now: MonotonicNanoseconds) -> MonotonicNanoseconds?
}

/// Runs drivers side by side on the calling thread until all of them are done: one thread, so that the load leaves the rest of the machine to
/// what it measures.
struct LoadLoop {
    private static let readBytes = 1 << 18

    func run(_ drivers: [LoadDriver]) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readBytes, alignment: 16)
        defer { buffer.deallocate() }
        let connections = drivers.flatMap(\.connections)
        while !Interruption.isAsked {
            let now = monotonicNow()
            var next: MonotonicNanoseconds?
            for driver in drivers {
                guard let wanted = driver.turn(now) else { continue }
                next = min(next ?? wanted, wanted)
            }
            guard let next else { return }
            for connection in connections { connection.flush(now) }
            let readable = wait(connections, nanoseconds: next > now ? next - now : 0)
            for connection in connections where connection.isUp && readable.contains(connection.descriptor) {
                connection.read(into: buffer)
            }
        }
    }

    /// Waits until something can be read or written, or the time is over; gives what can be read.
    ///
    /// `pselect`, because it counts in nanoseconds and `poll` in milliseconds: planned times are closer together than that.
    private func wait(_ connections: [LoadConnection], nanoseconds: UInt64) -> DescriptorSet {
        var reads = DescriptorSet()
        var writes = DescriptorSet()
        var highest: Int32 = -1
        for connection in connections where connection.isUp {
            reads.insert(connection.descriptor)
            if connection.hasOutput { writes.insert(connection.descriptor) }
            highest = max(highest, connection.descriptor)
        }
        var timeout = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        guard pselect(highest + 1, &reads.set, &writes.set, nil, &timeout, nil) > 0 else { return DescriptorSet() }
        return reads
    }
}

/// Descriptors as `select` takes them: below 1,024.
private struct DescriptorSet {
    var set = fd_set()

    mutating func insert(_ descriptor: Int32) {
        precondition(descriptor < 1024)
        withUnsafeMutableBytes(of: &set) { $0[Int(descriptor) / 8] |= 1 << UInt8(descriptor % 8) }
    }

    func contains(_ descriptor: Int32) -> Bool {
        withUnsafeBytes(of: set) { $0[Int(descriptor) / 8] & (1 << UInt8(descriptor % 8)) != 0 }
    }
}
