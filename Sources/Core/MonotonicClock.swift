#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Nanoseconds of the host's monotonic clock. Only differences mean anything, and only on one host.
package typealias MonotonicNanoseconds = UInt64

/// Reads CLOCK_MONOTONIC. Pure code takes the time as a parameter instead of calling this.
package func monotonicNow() -> MonotonicNanoseconds {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
}
