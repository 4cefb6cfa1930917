import CLinux
import Glibc

/// epoll: which of up to thousands of sockets can be read or written, waited for with nanoseconds.
final class Poller {
    struct Event {
        /// As it was given to `add`.
        let token: UInt64
        let isReadable: Bool
        let isWritable: Bool
    }

    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private static let eventsMax: Int32 = 512

    init() throws(LoadSetUpError) {
        descriptor = epoll_create1(Int32(O_CLOEXEC))
        guard descriptor >= 0 else { throw LoadSetUpError(.resources, "no epoll descriptor: \(errorText(errno))") }
        events = .allocate(capacity: Int(Self.eventsMax))
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    /// - Parameter token: comes back with the socket's events. Closing the socket takes it out.
    func add(_ socket: Int32, token: UInt64, writes: Bool) { control(Int32(EPOLL_CTL_ADD), socket, token, writes) }
    func change(_ socket: Int32, token: UInt64, writes: Bool) { control(Int32(EPOLL_CTL_MOD), socket, token, writes) }

    private func control(_ operation: Int32, _ socket: Int32, _ token: UInt64, _ writes: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (writes ? EPOLLOUT.rawValue : 0)
        event.data.u64 = token
        _ = epoll_ctl(descriptor, operation, socket, &event)
    }

    /// Waits until something happens or the time is over; gives the number of events.
    func wait(nanoseconds: UInt64) -> Int {
        var timeout = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        return max(0, Int(epoll_pwait2(descriptor, events, Self.eventsMax, &timeout, nil)))
    }

    func event(_ index: Int) -> Event {
        let event = events[index]
        let broken = EPOLLERR.rawValue | EPOLLHUP.rawValue
        // A broken socket is told by reading it.
        return Event(
            token: event.data.u64, isReadable: event.events & (EPOLLIN.rawValue | broken) != 0,
            isWritable: event.events & (EPOLLOUT.rawValue | broken) != 0)
    }
}
