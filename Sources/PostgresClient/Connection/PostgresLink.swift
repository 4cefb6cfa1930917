import CPostgreSQL
import Core
import Glibc

/// One session with the server: libpq's asynchronous calls, each wait bounded by a deadline.
///
/// A wait whose deadline has passed throws `timedOut` and leaves the protocol where it stands; whoever called decides
/// (`PostgresConnection` cancels the statement and reads to its end).
final class PostgresLink {
    let raw: OpaquePointer
    private let notices: NoticeReceiver
    private let usesTLS: Bool
    /// Set when the protocol state is unknown or a cancellation may still be under way: the session must not be used again.
    private(set) var isCondemned = false

    /// libpq may hold decrypted bytes that poll(2) cannot see, so under TLS a wait looks again this often.
    private static let tlsPollMillisecondsMax: Int32 = 50

    init(_ configuration: PostgresConfiguration, notices: NoticeReceiver) throws(PostgresError) {
        let deadline = Deadline.after(milliseconds: configuration.connectTimeoutMilliseconds)
        guard let raw = Self.start(configuration.options) else {
            throw PostgresError(.cannotConnect, "libpq has no memory for a connection")
        }
        self.raw = raw
        self.notices = notices
        notices.install(on: raw)
        var failure: PostgresError?
        do throws(PostgresError) { try Self.connect(raw, configuration, deadline) } catch { failure = error }
        usesTLS = PQsslInUse(raw) == 1
        if let failure { throw failure }
        PQsetnonblocking(raw, 1)
        PQsetErrorVerbosity(raw, PQERRORS_DEFAULT)
    }

    deinit { PQfinish(raw) }

    private static func start(_ options: [PostgresConfiguration.Option]) -> OpaquePointer? {
        var bytes: [CChar] = []
        var starts: [(keyword: Int, value: Int)] = []
        for option in options {
            let keyword = bytes.count
            bytes.append(contentsOf: option.keyword.utf8CString)
            starts.append((keyword, bytes.count))
            bytes.append(contentsOf: option.value.utf8CString)
        }
        return bytes.withUnsafeBufferPointer { buffer in
            let keywords = starts.map { buffer.baseAddress?.advanced(by: $0.keyword) } + [nil]
            let values = starts.map { buffer.baseAddress?.advanced(by: $0.value) } + [nil]
            return PQconnectStartParams(keywords, values, 0)
        }
    }

    private static func connect(
        _ raw: OpaquePointer, _ configuration: PostgresConfiguration, _ deadline: Deadline
    ) throws(PostgresError) {
        guard PQstatus(raw) != CONNECTION_BAD else { throw .notConnected(raw, configuration) }
        // So that a refusal's text carries its SQLSTATE.
        PQsetErrorVerbosity(raw, PQERRORS_VERBOSE)
        var step = PGRES_POLLING_WRITING
        while step != PGRES_POLLING_OK {
            guard step == PGRES_POLLING_READING || step == PGRES_POLLING_WRITING else {
                throw .notConnected(raw, configuration)
            }
            let events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT
            var entry = pollfd(fd: PQsocket(raw), events: Int16(events), revents: 0)
            let ready = poll(&entry, 1, deadline.pollMilliseconds)
            if ready == 0 {
                throw PostgresError(
                    .cannotConnect, "\(configuration): no connection within \(configuration.connectTimeoutMilliseconds) ms")
            }
            if ready > 0 { step = PQconnectPoll(raw) }
        }
    }

    var isAlive: Bool { !isCondemned && PQstatus(raw) == CONNECTION_OK }

    func condemn() { isCondemned = true }

    /// Waits until the socket is ready for one of `events`.
    private func wait(for events: Int32, _ deadline: Deadline) throws(PostgresError) -> Int32 {
        while true {
            var milliseconds = deadline.pollMilliseconds
            let isSlice = usesTLS && (milliseconds < 0 || milliseconds > Self.tlsPollMillisecondsMax)
            if isSlice { milliseconds = Self.tlsPollMillisecondsMax }
            var entry = pollfd(fd: PQsocket(raw), events: Int16(events), revents: 0)
            let ready = poll(&entry, 1, milliseconds)
            if ready > 0 { return Int32(entry.revents) }
            if ready == 0 {
                if isSlice { return POLLIN }
                throw PostgresError(.timedOut, "the server gave no answer in time")
            }
            guard errno == EINTR else { throw .lost(raw) }
        }
    }

    /// Waits for bytes from the server and takes them in.
    func receive(_ deadline: Deadline) throws(PostgresError) {
        _ = try wait(for: POLLIN, deadline)
        guard PQconsumeInput(raw) == 1 else { throw .lost(raw) }
    }

    /// Sends everything queued, taking in what the server says meanwhile (otherwise both sides could wait for each other).
    func flush(_ deadline: Deadline) throws(PostgresError) {
        while true {
            let left = PQflush(raw)
            if left == 0 { return }
            guard left > 0 else { throw .lost(raw) }
            let ready = try wait(for: POLLIN | POLLOUT, deadline)
            if ready & POLLOUT == 0 || ready & POLLIN != 0 {
                guard PQconsumeInput(raw) == 1 else { throw .lost(raw) }
            }
        }
    }

    /// Whether the socket is broken. libpq goes on accepting bytes to send after a failed write, and tells of it only when
    /// something is read.
    var isHungUp: Bool {
        var entry = pollfd(fd: PQsocket(raw), events: 0, revents: 0)
        return poll(&entry, 1, 0) > 0 && Int32(entry.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
    }

    /// The next result of what was sent, nil at its end.
    func nextResult(_ deadline: Deadline) throws(PostgresError) -> PostgresResult.Storage? {
        while PQisBusy(raw) == 1 { try receive(deadline) }
        return PQgetResult(raw).map { PostgresResult.Storage($0) }
    }

    /// Sends what is queued and reads results to their end, ending any COPY the statement began.
    func drain(_ deadline: Deadline, _ onResult: (PostgresResult.Storage) -> Void) throws(PostgresError) {
        try flush(deadline)
        while let result = try nextResult(deadline) {
            if result.status == PGRES_COPY_IN {
                PQputCopyEnd(raw, "the client does not copy here")
                try flush(deadline)
            } else if result.status == PGRES_COPY_OUT {
                while try nextCopyRow(deadline, { _ in }) {}
            }
            onResult(result)
        }
    }

    /// Hands libpq's own buffer of the next COPY message to `onRow`; false at the end of the data.
    func nextCopyRow(_ deadline: Deadline, _ onRow: (UnsafeRawBufferPointer) -> Void) throws(PostgresError) -> Bool {
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(raw, &buffer, 1)
            if length > 0 {
                onRow(UnsafeRawBufferPointer(start: buffer, count: Int(length)))
                PQfreemem(buffer)
                return true
            }
            guard length == 0 else { return false }
            try receive(deadline)
        }
    }

    /// Whether an idle session is still there: takes in whatever the server said meanwhile, its farewell included.
    func checkIdle() -> Bool {
        guard isAlive else { return false }
        while true {
            var entry = pollfd(fd: PQsocket(raw), events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, 0)
            if ready == 0 { return PQstatus(raw) == CONNECTION_OK }
            if ready < 0 {
                guard errno == EINTR else { return false }
                continue
            }
            guard PQconsumeInput(raw) == 1 else { return false }
            // Parses what came in.
            guard PQisBusy(raw) == 0 else { return false }
        }
    }

    func nextNotification() -> PostgresNotification? {
        guard let notify = PQnotifies(raw) else { return nil }
        defer { PQfreemem(notify) }
        return PostgresNotification(
            channel: String(cString: notify.pointee.relname), payload: String(cString: notify.pointee.extra),
            senderPID: notify.pointee.be_pid)
    }
}
