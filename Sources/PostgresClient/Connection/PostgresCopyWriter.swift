import CPostgreSQL
import Core

/// Sends the bytes of a `COPY … FROM STDIN`, a bounded buffer at a time. Valid only inside the call that made it.
package final class PostgresCopyWriter {
    /// Small writes are gathered up to this size.
    static let bufferedBytesMax = 64 * 1024
    /// One message's size; larger writes are cut, which the protocol allows anywhere.
    static let messageBytesMax = 1024 * 1024

    private let link: PostgresLink
    private let deadline: Deadline
    private var buffer: [UInt8] = []
    private var isOpen = true
    private var failure: PostgresError?
    /// Bytes written so far.
    package private(set) var byteCount = 0

    init(_ link: PostgresLink, _ deadline: Deadline) {
        self.link = link
        self.deadline = deadline
        buffer.reserveCapacity(Self.bufferedBytesMax * 2)
    }

    /// Rows, or parts of rows, in the format the COPY names. Waits while the server is behind.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
        try checkOpen()
        byteCount += bytes.count
        if bytes.count >= Self.bufferedBytesMax {
            try flushBuffer()
            try put(bytes)
        } else {
            buffer.append(contentsOf: bytes)
            if buffer.count >= Self.bufferedBytesMax { try flushBuffer() }
        }
    }

    package func write(_ bytes: [UInt8]) throws(PostgresError) {
        try bytes.withUnsafeBufferPointer { buffer throws(PostgresError) in try write(UnsafeRawBufferPointer(buffer)) }
    }

    package func write(_ text: String) throws(PostgresError) {
        try checkOpen()
        byteCount += text.utf8.count
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.bufferedBytesMax { try flushBuffer() }
    }

    private func checkOpen() throws(PostgresError) {
        if let failure { throw failure }
        guard isOpen else { throw PostgresError(.usage, "this COPY has ended: write only inside copyIn's closure") }
    }

    private func flushBuffer() throws(PostgresError) {
        try buffer.withUnsafeBufferPointer { bytes throws(PostgresError) in try put(UnsafeRawBufferPointer(bytes)) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.messageBytesMax))
            try remembering { () throws(PostgresError) in
                let characters = part.assumingMemoryBound(to: CChar.self).baseAddress
                var status = PQputCopyData(self.link.raw, characters, Int32(part.count))
                while status == 0 {
                    try self.link.flush(self.deadline)
                    status = PQputCopyData(self.link.raw, characters, Int32(part.count))
                }
                guard status == 1 else { throw .lost(self.link.raw) }
                // Sent before more is taken, so that memory stays bounded.
                try self.link.flush(self.deadline)
                guard !self.link.isHungUp else {
                    throw PostgresError(.connectionLost, "the connection ended in the middle of the COPY")
                }
            }
            rest = rest.dropFirst(part.count)
        }
    }

    /// After a failure every further write fails alike, so that a body that swallows errors cannot lose rows unnoticed.
    private func remembering(_ body: () throws(PostgresError) -> Void) throws(PostgresError) {
        do throws(PostgresError) { try body() } catch {
            failure = error
            throw error
        }
    }

    func finish(abortingWith reason: (any Error)?) throws(PostgresError) {
        isOpen = false
        defer { buffer.removeAll() }
        if let failure { throw failure }
        if reason == nil { try flushBuffer() }
        // The server cuts nothing, so we do; and a C string ends at a NUL.
        let words = reason.map { "aborted by the client: \(String(describing: $0).prefix(200).filter { $0 != "\0" })" }
        var status = PQputCopyEnd(link.raw, words)
        while status == 0 {
            try link.flush(deadline)
            status = PQputCopyEnd(link.raw, words)
        }
        guard status == 1 else { throw .lost(link.raw) }
        try link.flush(deadline)
    }
}
