import CLinux

/// How long a thread may run where others wait for its processor.
package enum ShortSlices {
    /// An event loop runs for less than that at a time, but for a burst.
    private static let nanoseconds: UInt64 = 200_000

    /// The calling thread, an event loop's, runs soon after something has woken it, and for less long at a time, beside threads that compute: as much in all as
    /// without. A wish: kernels before 6.12 do not know it, and go on as they did.
    package static func take() { _ = set_thread_slice(nanoseconds) }
}
