import Core
import JobQueue

/// One shard's queue in memory, as `docs/design/queue.md` describes it, and nothing of how Redis does it.
struct QueueModel: Equatable {
    struct Content: Hashable {
        /// Nil for an entry that is no job.
        var id: String?
        var failures = 0
        var crashes = 0
        var postponements = 0
        var tag: UInt8 = 0

        /// Whether there is a record of it.
        var isKnown: Bool { failures + crashes + postponements > 0 }
    }

    struct Entry: Equatable {
        /// Nil until Redis has said which it is.
        var place: EntryID?
        var content: Content
    }

    /// What holds an entry that nobody waits to be given anew.
    enum Holder: Equatable {
        case consumer(String)
        case released
    }

    var hasGroup = false
    /// In the order of the stream.
    var entries: [Entry] = []
    /// Entries up to here have been given out once.
    var delivered = EntryID(milliseconds: 0, sequence: 0)
    var holders: [EntryID: Holder] = [:]
    /// Ids by whether they are due soon.
    var delayed: [String: Bool] = [:]
    var known: [String: Content] = [:]
    var dead: [Content] = []
    var isPaused = false
    var epoch: Int64?

    mutating func append(_ content: Content) { entries.append(Entry(place: nil, content: content)) }

    func entry(_ place: EntryID) -> Entry? { entries.first { $0.place == place } }

    func isHeld(_ place: EntryID, by consumer: String) -> Bool { holders[place] == .consumer(consumer) }

    mutating func remove(_ place: EntryID) {
        entries.removeAll { $0.place == place }
        holders[place] = nil
    }

    /// Entries that were never given out, in order.
    var fresh: [Entry] { entries.filter { ($0.place ?? delivered) > delivered } }
    var released: [Entry] { entries.filter { entry in entry.place.map { holders[$0] == .released } ?? false } }

    func held(by consumer: String) -> [Entry] {
        entries.filter { entry in entry.place.map { isHeld($0, by: consumer) } ?? false }
    }

    mutating func retry(_ place: EntryID, consumer: String, isSoon: Bool, isFailure: Bool) {
        guard isHeld(place, by: consumer), var content = entry(place)?.content, let id = content.id else { return }
        remove(place)
        if isFailure { content.failures += 1 } else { content.postponements += 1 }
        known[id] = content
        delayed[id] = isSoon
    }

    mutating func bury(_ place: EntryID, consumer: String, failures: Int) {
        guard isHeld(place, by: consumer), var content = entry(place)?.content else { return }
        remove(place)
        if let id = content.id { known[id] = nil }
        content.failures = failures
        // A letter is of what failed.
        content.postponements = 0
        if content.id == nil { content = Content(id: "malformed:\(place)", tag: 255) }
        dead.append(content)
    }

    mutating func done(_ place: EntryID, job: Content) {
        guard entry(place) != nil else { return }
        remove(place)
        // A job without counts has no record, and a record of the same id is another entry's.
        if let id = job.id, job.isKnown { known[id] = nil }
    }

    mutating func promote(soonOnly: Bool) -> Int {
        let due = delayed.filter { $0.value || !soonOnly }.map(\.key)
        var count = 0
        for id in due {
            delayed[id] = nil
            guard let content = known[id] else { continue }
            append(content)
            count += 1
        }
        return count
    }

    /// Releases what was given once and nobody holds, up to the first entry that a consumer holds.
    mutating func recover() -> Int {
        var count = 0
        for place in entries.compactMap(\.place) where place <= delivered {
            if case .consumer = holders[place] { break }
            if holders.updateValue(.released, forKey: place) == nil { count += 1 }
        }
        return count
    }

    /// Takes over from these consumers.
    mutating func takeOver(from consumers: [String]) -> Int {
        var count = 0
        for consumer in consumers.sorted() {
            for entry in held(by: consumer) {
                guard let place = entry.place else { continue }
                count += 1
                guard let id = entry.content.id else {
                    holders[place] = .released
                    continue
                }
                remove(place)
                var content = entry.content
                content.crashes += 1
                known[id] = content
                append(content)
            }
        }
        return count
    }

    mutating func cancel(_ id: String) -> CancelAnswer {
        if delayed.removeValue(forKey: id) != nil {
            known[id] = nil
            return .cancelled
        }
        guard let found = entries.first(where: { $0.content.id == id }), let place = found.place else { return .notFound }
        if case .consumer = holders[place] { return .inHand }
        remove(place)
        known[id] = nil
        return .cancelled
    }

    mutating func wipe() { self = QueueModel() }

    /// The stream is gone, with its group; the other keys are there.
    mutating func loseStream() {
        entries = []
        holders = [:]
        delivered = EntryID(milliseconds: 0, sequence: 0)
        hasGroup = false
    }

    /// Whether a job was added: what is delayed, or tried before and somebody's or anybody's to take, is not.
    mutating func sweepAdd(_ content: Content) -> Bool {
        guard let id = content.id, let record = known[id] else {
            append(content)
            return true
        }
        if delayed[id] != nil { return false }
        for entry in entries where entry.content.id == id {
            guard let place = entry.place, place <= delivered, holders[place] == nil else { return false }
            // A stray: the job is added in its place.
            remove(place)
        }
        append(record)
        return true
    }
}
