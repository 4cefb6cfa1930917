import Foundation
import Synchronization

/// The write end of the pipe that wakes `ProcessEvents.wait`. Read by signal handlers, so a plain atomic.
private let wakeDescriptor = Atomic<Int32>(-1)
/// How often a person (or an init system) asked this process to stop.
private let stopRequestCount = Atomic<Int>(0)

/// What `fature up` waits for: a child's end, and a request to stop (Ctrl-C, SIGTERM, a closed terminal).
///
/// The handlers do two things that are safe in a handler: count, and write one byte to a pipe. There is one per process.
struct ProcessEvents {
    private let wakeReader: Int32

    /// Installs the handlers.
    init() throws(CommandError) {
        let ends = try Descriptors.makePipe(nonBlocking: true)
        wakeReader = ends.reader
        wakeDescriptor.store(ends.writer, ordering: .sequentiallyConsistent)
        install(SIGTERM, onStop)
        // What we inherit as ignored stays so: `nohup fature up &` is to outlive its terminal.
        for signal in [SIGINT, SIGHUP] where !isIgnored(signal) { install(signal, onStop) }
        install(SIGCHLD, onChild)
        install(SIGPIPE, SIG_IGN)
        // Whoever started us may have had these blocked (threads of Dispatch have), and a mask is inherited.
        var awaited = sigset_t()
        sigemptyset(&awaited)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGCHLD] { sigaddset(&awaited, signal) }
        pthread_sigmask(SIG_UNBLOCK, &awaited, nil)
    }

    /// Requests to stop so far. A second one means: hurry.
    var stopRequests: Int { stopRequestCount.load(ordering: .sequentiallyConsistent) }

    /// Returns when something happened or the time is over, whichever is first.
    func wait(milliseconds: Int) {
        var descriptor = pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, Int32(clamping: max(0, milliseconds))) > 0 else { return }
        var scratch = [UInt8](repeating: 0, count: 64)
        while read(wakeReader, &scratch, scratch.count) > 0 {}
    }

    private func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private func install(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(SA_RESTART)
        sigemptyset(&action.sa_mask)
        sigaction(signal, &action, nil)
    }
}

private func wake() {
    let savedErrno = errno
    var byte: UInt8 = 1
    // A full pipe is fine: whoever waits will wake anyway.
    _ = write(wakeDescriptor.load(ordering: .sequentiallyConsistent), &byte, 1)
    errno = savedErrno
}

private func onStop(_ signal: Int32) {
    stopRequestCount.add(1, ordering: .sequentiallyConsistent)
    wake()
}

private func onChild(_ signal: Int32) { wake() }
