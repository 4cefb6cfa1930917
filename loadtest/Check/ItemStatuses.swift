/// The statuses of the single transactions in the answer to a batch, in the order of the request.
///
/// The generator shares the machine with what it measures, so it looks for the members and reads no JSON: no text of ours holds such a member.
package enum ItemStatuses {
    private static let member = Array("\"status\":".utf8)

    /// - Parameter statuses: emptied first.
    package static func read(_ body: UnsafeRawBufferPointer, into statuses: inout [Int]) {
        statuses.removeAll(keepingCapacity: true)
        let last = body.count - member.count - 3
        var at = 0
        while at <= last {
            guard body[at] == member[0], body[at + 1] == member[1], matches(body, at) else {
                at += 1
                continue
            }
            at += member.count
            if body[at] == UInt8(ascii: " ") { at += 1 }
            var status = 0
            while at < body.count, body[at] &- 48 <= 9, status < 1000 {
                status = status * 10 + Int(body[at] - 48)
                at += 1
            }
            statuses.append(status)
        }
    }

    private static func matches(_ body: UnsafeRawBufferPointer, _ at: Int) -> Bool {
        for index in member.indices where body[at + index] != member[index] { return false }
        return true
    }
}
