/// What sort of work a queue holds: `commission`, `process-webhook`, … It names the queue's keys, its metrics and its settings.
package struct JobKind: Hashable, Sendable, CustomStringConvertible {
    package static let nameBytesMax = 32

    package let name: String

    /// - Throws: `invalid` unless the name is 1 to 32 of `a`–`z`, `0`–`9` and `-`.
    package init(_ name: String) throws(JobQueueError) {
        let isGood = name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        guard isGood, (1...Self.nameBytesMax).contains(name.utf8.count) else {
            throw JobQueueError(.invalid, "a job kind's name is 1 to \(Self.nameBytesMax) of a-z, 0-9 and -: \(name)")
        }
        self.name = name
    }

    private init(known name: StaticString) { self.name = name.description }

    /// Pays the upline of one transaction.
    package static let commission = JobKind(known: "commission")

    package var description: String { name }
}
