/// Reads Redis' protocol (RESP2) from bytes that come in pieces, into an index over them.
struct RedisReader {
    /// How deep arrays may be nested; Redis' own answers need four.
    static let depthMax = 8
    private static let numberBytesMax = 20

    private var bytes: [UInt8] = []
    private var nodes: [RedisReplies.Node] = []
    private var roots: [Int] = []
    private var position = 0
    /// Arrays that lack elements: their places, and how many they lack.
    private var open: [(place: Int, lacking: Int)] = []
    /// Where the answer that is being read begins.
    private var answerStart = 0
    /// The largest answer, in bytes.
    private let answerBytesMax: Int

    init(answerBytesMax: Int) { self.answerBytesMax = answerBytesMax }

    /// How many answers are there as a whole.
    var count: Int { roots.count }

    /// Whether nothing has been read in part.
    var isAtEnd: Bool { position == bytes.count && open.isEmpty }

    /// Takes in what has arrived, and reads as far as it goes.
    ///
    /// - Throws: `replyTooLarge` or `protocolViolation`; the connection is of no use then.
    mutating func feed(_ piece: UnsafeRawBufferPointer) throws(RedisError) {
        bytes.append(contentsOf: piece)
        while try readNode() {}
        guard bytes.count - answerStart <= answerBytesMax else { throw tooLarge }
    }

    /// Hands out all that was read, and begins anew. What was read in part is dropped: call it when nothing more is to come.
    mutating func take() -> RedisReplies {
        let replies = RedisReplies(bytes: bytes, nodes: nodes, roots: roots)
        self = RedisReader(answerBytesMax: answerBytesMax)
        return replies
    }

    private var tooLarge: RedisError {
        RedisError(.replyTooLarge, "the answer is larger than \(answerBytesMax) bytes; ask for less at a time")
    }

    private static let violation = RedisError(
        .protocolViolation, "what the server sent is not Redis' protocol; is this a Redis port?")

    /// Reads one node. False when its bytes are not all there yet.
    private mutating func readNode() throws(RedisError) -> Bool {
        guard position < bytes.count else { return false }
        let kind = bytes[position]
        let start = position + 1
        switch kind {
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard let end = try lineEnd(start, bytesMax: answerBytesMax) else { return false }
            position = end + 2
            try close(RedisReplies.Node(kind: kind == UInt8(ascii: "+") ? .status : .error, value: start, extent: end - start))
        case UInt8(ascii: ":"):
            guard let end = try lineEnd(start, bytesMax: Self.numberBytesMax) else { return false }
            position = end + 2
            try close(RedisReplies.Node(kind: .integer, value: try number(start..<end), extent: 0))
        case UInt8(ascii: "$"):
            guard let end = try lineEnd(start, bytesMax: Self.numberBytesMax) else { return false }
            let length = try number(start..<end)
            guard length >= 0 else {
                guard length == -1 else { throw Self.violation }
                position = end + 2
                try close(RedisReplies.Node(kind: .null, value: 0, extent: 0))
                return true
            }
            guard length <= answerBytesMax else { throw tooLarge }
            guard bytes.count >= end + 2 + length + 2 else { return false }
            guard bytes[end + 2 + length] == 13, bytes[end + 3 + length] == 10 else { throw Self.violation }
            position = end + 2 + length + 2
            try close(RedisReplies.Node(kind: .bytes, value: end + 2, extent: length))
        case UInt8(ascii: "*"):
            guard let end = try lineEnd(start, bytesMax: Self.numberBytesMax) else { return false }
            let count = try number(start..<end)
            position = end + 2
            guard count > 0 else {
                guard count >= -1 else { throw Self.violation }
                let kind: RedisReplies.Kind = count == 0 ? .array : .null
                try close(RedisReplies.Node(kind: kind, value: 0, extent: nodes.count + 1))
                return true
            }
            // An element has three bytes at least.
            guard count <= answerBytesMax / 3 else { throw tooLarge }
            guard open.count < Self.depthMax else { throw Self.violation }
            open.append((nodes.count, count))
            nodes.append(RedisReplies.Node(kind: .array, value: count, extent: 0))
        default: throw Self.violation
        }
        return true
    }

    /// Adds a node that is whole, and ends the arrays whose last element it is.
    private mutating func close(_ node: RedisReplies.Node) throws(RedisError) {
        var root = nodes.count
        nodes.append(node)
        while let last = open.indices.last {
            guard open[last].lacking == 1 else {
                open[last].lacking -= 1
                return
            }
            root = open[last].place
            nodes[root].extent = nodes.count
            open.removeLast()
        }
        guard position - answerStart <= answerBytesMax else { throw tooLarge }
        roots.append(root)
        answerStart = position
    }

    /// Where the line that begins here ends; nil when its end is not there yet.
    private func lineEnd(_ start: Int, bytesMax: Int) throws(RedisError) -> Int? {
        let limit = min(bytes.count, start + bytesMax + 1)
        var end = start
        while end < limit, bytes[end] != 13 { end += 1 }
        guard end < limit else {
            guard limit < start + bytesMax + 1 else { throw Self.violation }
            return nil
        }
        guard end + 1 < bytes.count else { return nil }
        guard bytes[end + 1] == 10 else { throw Self.violation }
        return end
    }

    private func number(_ range: Range<Int>) throws(RedisError) -> Int {
        var value = 0
        var index = range.lowerBound
        let isNegative = index < range.upperBound && bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        guard index < range.upperBound else { throw Self.violation }
        while index < range.upperBound {
            let digit = bytes[index] &- UInt8(ascii: "0")
            let (product, isOver) = value.multipliedReportingOverflow(by: 10)
            let (next, isOverToo) =
                isNegative
                ? product.subtractingReportingOverflow(Int(digit)) : product.addingReportingOverflow(Int(digit))
            guard digit <= 9, !isOver, !isOverToo else { throw Self.violation }
            value = next
            index += 1
        }
        return value
    }
}
