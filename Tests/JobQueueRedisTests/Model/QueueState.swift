import Core
import JobQueue
import RedisClient

/// What a shard's keys hold, read by plain commands.
struct QueueState {
    var hasGroup = false
    var entries: [(EntryID, QueueModel.Content)] = []
    var delivered = EntryID(milliseconds: 0, sequence: 0)
    var holders: [EntryID: QueueModel.Holder] = [:]
    var delayed: Set<String> = []
    var known: [String: QueueModel.Content] = [:]
    var dead: [QueueModel.Content] = []
    var isPaused = false
    var epoch: Int64?

    init(of shard: ShardID, on redis: RedisConnection) throws {
        let digits = String(shard.rawValue)
        let base = "{fature:commission:\(String(repeating: "0", count: 3 - digits.count))\(digits)}:"
        let replies = try redis.pipeline([
            ["XRANGE", "\(base)s", "-", "+"], ["XPENDING", "\(base)s", "workers", "-", "+", "1000000"],
            ["XINFO", "GROUPS", "\(base)s"], ["ZRANGE", "\(base)z", "0", "-1"], ["HGETALL", "\(base)f"],
            ["XRANGE", "\(base)dlq", "-", "+"], ["EXISTS", "\(base)paused"], ["GET", "\(base)epoch"],
        ])
        entries = try Self.entries(replies[0])
        if case .array(let pending) = replies[1] {
            for one in pending {
                let fields = try one.arrayValue()
                let name = try fields[1].text()
                holders[try Self.place(fields[0])] = name == "released" ? .released : .consumer(name)
            }
        }
        if case .array(let groups) = replies[2], let group = groups.first {
            hasGroup = true
            delivered = try Self.place(try group.arrayValue()[7])
        }
        delayed = Set(try replies[3].arrayValue().map { try $0.text() })
        let records = try replies[4].arrayValue()
        for at in stride(from: 0, to: records.count, by: 2) {
            known[try records[at].text()] = Self.content(try records[at + 1].bytesValue())
        }
        dead = try Self.entries(replies[5]).map(\.1)
        isPaused = replies[6] == .integer(1)
        epoch =
            if case .bytes(let text) = replies[7], (1...15).contains(text.count) {
                Int64(String(decoding: text, as: UTF8.self))
            } else { nil }
        epoch = epoch.flatMap { $0 < 0 ? nil : $0 }
    }

    private static func place(_ reply: RedisReply) throws -> EntryID {
        guard let place = EntryID(try reply.bytesValue()) else { throw RedisError(.value, "no place in a stream") }
        return place
    }

    private static func entries(_ reply: RedisReply) throws -> [(EntryID, QueueModel.Content)] {
        try reply.arrayValue().map { element in
            let parts = try element.arrayValue()
            let fields = try parts[1].arrayValue()
            let isOurs = fields.count == 2 && fields[0] == .bytes([UInt8(ascii: "j")])
            return (try place(parts[0]), isOurs ? content(try fields[1].bytesValue()) : QueueModel.Content())
        }
    }

    /// Read by the format's description, not by its decoder. The tag is the payload's first byte; 255 for what was malformed.
    private static func content(_ record: [UInt8]) -> QueueModel.Content {
        guard record.count >= 16, record[0] == 1 else { return QueueModel.Content() }
        let idEnd = 16 + Int(record[3])
        let start = idEnd + Int(record[4]) + Int(record[6]) + Int(record[7]) << 8
        let id = String(decoding: record[16..<idEnd], as: UTF8.self)
        let tag = id.hasPrefix("malformed:") ? 255 : start < record.count ? record[start] : 0
        return QueueModel.Content(
            id: id, failures: Int(record[1]), crashes: Int(record[2]), postponements: Int(record[5]), tag: tag)
    }

    /// Compares with what should be there, and tells the model which places Redis gave to new entries. Nil when all is equal.
    func difference(from model: inout QueueModel) -> String? {
        guard entries.count == model.entries.count else {
            return "\(entries.count) entries instead of \(model.entries.count): \(entries) instead of \(model.entries)"
        }
        // Entries that came in one step from the delayed ones may be in any order.
        let firstNew = model.entries.firstIndex { $0.place == nil } ?? model.entries.count
        for index in 0..<firstNew
        where entries[index].0 != model.entries[index].place || entries[index].1 != model.entries[index].content {
            return "entry \(index) is \(entries[index]) instead of \(model.entries[index])"
        }
        let new = entries[firstNew...]
        guard Self.counts(new.map(\.1)) == Self.counts(model.entries[firstNew...].map(\.content)) else {
            return "new are \(new) instead of \(model.entries[firstNew...])"
        }
        for index in new.indices { model.entries[index] = QueueModel.Entry(place: entries[index].0, content: entries[index].1) }
        if hasGroup != model.hasGroup { return "group \(hasGroup) instead of \(model.hasGroup)" }
        if delivered != model.delivered { return "given out up to \(delivered) instead of \(model.delivered)" }
        if holders != model.holders { return "held \(holders) instead of \(model.holders)" }
        if delayed != Set(model.delayed.keys) { return "delayed \(delayed) instead of \(model.delayed)" }
        if known != model.known { return "known \(known) instead of \(model.known)" }
        if dead != model.dead { return "dead \(dead) instead of \(model.dead)" }
        if isPaused != model.isPaused { return "paused \(isPaused) instead of \(model.isPaused)" }
        if epoch != model.epoch { return "epoch \(String(describing: epoch)) instead of \(String(describing: model.epoch))" }
        return nil
    }

    private static func counts(_ contents: [QueueModel.Content]) -> [QueueModel.Content: Int] {
        Dictionary(contents.map { ($0, 1) }, uniquingKeysWith: +)
    }
}
