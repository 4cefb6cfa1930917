/// What a job is about, in its kind: the transaction's number, for one. The same work has the same id.
package struct JobID: Hashable, Sendable, CustomStringConvertible {
    package static let bytesMax = 64

    package let text: String

    /// - Throws: `invalid` unless the text is 1 to 64 printable ASCII characters without blanks.
    package init(_ text: String) throws(JobQueueError) {
        guard (1...Self.bytesMax).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else {
            throw JobQueueError(.invalid, "a job's id is 1 to \(Self.bytesMax) printable ASCII characters without blanks")
        }
        self.text = text
    }

    package init(_ number: Int64) { text = String(number) }

    /// Of bytes that have been checked.
    init(checked bytes: ArraySlice<UInt8>) { text = String(decoding: bytes, as: UTF8.self) }

    static func isAllowed(_ byte: UInt8) -> Bool { (0x21...0x7e).contains(byte) }

    package var description: String { text }
}

/// Why a job failed, as a word to group by: `no_plan`, `timed_out`.
package struct JobCause: Hashable, Sendable, CustomStringConvertible {
    package static let bytesMax = 64

    package let word: String

    /// Characters other than `a`–`z`, `0`–`9` and `_` become `_`, and what is too long is cut.
    package init(_ word: String) {
        let bytes = word.utf8.prefix(Self.bytesMax).map { byte in
            (97...122).contains(byte) || (48...57).contains(byte) ? byte : UInt8(ascii: "_")
        }
        self.word = String(decoding: bytes, as: UTF8.self)
    }

    /// The entry in Redis is not a job of ours.
    package static let malformed = JobCause("malformed")
    /// The job was in hand in too many crashes.
    package static let crashed = JobCause("crashed")
    /// The handler was over its time limit.
    package static let timedOut = JobCause("timed_out")
    /// What the job needs was held by somebody else.
    package static let blocked = JobCause("blocked")
    /// The handler threw and named no cause.
    package static let handlerThrew = JobCause("handler_threw")

    package var description: String { word }
}
