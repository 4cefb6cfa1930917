import Core
import RedisClient

/// A job that is to be added.
package struct NewJob: Sendable {
    package let id: JobID
    package let shard: ShardID
    package let payload: [UInt8]
    /// Milliseconds since 1970, by the caller's clock.
    package let enqueuedAtMilliseconds: Int64

    /// - Throws: `invalid` for a payload of more than 64 KiB.
    package init(_ id: JobID, shard: ShardID, payload: [UInt8], enqueuedAtMilliseconds: Int64) throws(JobQueueError) {
        guard payload.count <= JobRecord.payloadBytesMax else {
            throw JobQueueError(.invalid, "a payload of \(payload.count) bytes; \(JobRecord.payloadBytesMax) at most")
        }
        self.id = id
        self.shard = shard
        self.payload = payload
        self.enqueuedAtMilliseconds = enqueuedAtMilliseconds
    }

    var record: [UInt8] {
        JobRecord.encode(
            id: id.text.utf8, failures: 0, crashes: 0, enqueuedAtMilliseconds: enqueuedAtMilliseconds, cause: nil, error: "",
            payload: payload)
    }

    /// As `record`, into a command, without bytes of its own in between.
    func append(to commands: RedisCommands) {
        var text = id.text
        text.withUTF8 { id in
            commands.append(byteCount: JobRecord.headerBytes + id.count + payload.count) { bytes in
                let zero: UInt16 = 0
                bytes.append(JobRecord.version)
                bytes.appendInteger(zero)
                bytes.append(UInt8(id.count))
                bytes.appendInteger(zero)
                bytes.appendInteger(zero)
                bytes.appendInteger(enqueuedAtMilliseconds)
                bytes.append(UnsafeRawBufferPointer(id))
                payload.withUnsafeBytes { bytes.append($0) }
            }
        }
    }
}

/// A job as it was found in Redis.
///
/// Jobs of one batch share the bytes they came in: whoever keeps a job, its `id` excepted, keeps the batch in memory.
package struct Job: Sendable {
    package let kind: JobKind
    package let shard: ShardID
    /// Its present entry in the stream; a job that was retried or taken over has a new one. Nil while it is delayed.
    package let entry: EntryID?
    private let header: JobRecord.Header
    let record: ArraySlice<UInt8>

    /// How often a handler has said that it failed.
    package var failures: Int { Int(header.failures) }
    /// How often it was in hand when its consumer was lost.
    package var crashes: Int { Int(header.crashes) }
    /// How often something stood in its way that was not its own.
    package var postponements: Int { Int(header.postponements) }
    /// Milliseconds since 1970 when it was first added, by the clock of whoever added it.
    package var enqueuedAtMilliseconds: Int64 { header.enqueuedAtMilliseconds }
    package var id: JobID { JobID(checked: idBytes) }
    package var payload: ArraySlice<UInt8> { record[at(header.payloadStart)...] }
    /// Why it failed the last time; nil when it never did.
    package var lastCause: JobCause? { header.causeBytes == 0 ? nil : JobCause(text(header.idEnd, header.causeEnd)) }
    /// What the handler said when it failed the last time.
    package var lastError: String { text(header.causeEnd, header.payloadStart) }

    /// Whether a handler had it before and could not do it: it is handled apart from those that are new.
    var wasTried: Bool { header.failures > 0 || header.postponements > 0 }
    /// Whether `:f` has a record of it.
    var isKnown: Bool { wasTried || header.crashes > 0 }
    var idBytes: ArraySlice<UInt8> { record[at(JobRecord.headerBytes)..<at(header.idEnd)] }

    /// Nil when the record is not one.
    init?(kind: JobKind, shard: ShardID, entry: EntryID?, record: ArraySlice<UInt8>) {
        guard let header = JobRecord.header(of: record) else { return nil }
        self.kind = kind
        self.shard = shard
        self.entry = entry
        self.header = header
        self.record = record
    }

    private func at(_ offset: Int) -> Int { record.startIndex + offset }

    private func text(_ start: Int, _ end: Int) -> String {
        String(decoding: record[at(start)..<at(end)], as: UTF8.self)
    }

    /// The same job with other counts, cause and error.
    func recordWith(failures: Int, postponements: Int, cause: JobCause, error: String) -> [UInt8] {
        JobRecord.encode(
            id: idBytes, failures: failures, crashes: crashes, postponements: postponements,
            enqueuedAtMilliseconds: enqueuedAtMilliseconds, cause: cause, error: error, payload: payload)
    }
}

/// An entry of the stream that is not a job of ours.
package struct MalformedEntry: Sendable {
    package let shard: ShardID
    package let entry: EntryID
    static let bytesMax = 1_024
    /// What it holds, the first 1,024 bytes at most.
    package let bytes: [UInt8]
}
