import Core
import JobQueue
import RedisClient

/// What people and other programs do to the keys.
extension QueueFuzzer {
    private func key(_ shard: Int, _ part: String) -> RedisArgument { .text("{fature:commission:00\(shards[shard])}:\(part)") }

    mutating func deadLetters(_ shard: Int) throws {
        step = "discard"
        let letters = try queues[0].inspect(.dead, of: shards[shard], count: 1_000)
        try expect(letters.count == models[shard].dead.count, "\(letters.count) letters")
        guard !letters.isEmpty else { return }
        let index = pick(0..<letters.count)
        guard let entry = letters[index].entry else { return }
        let count = try queues[0].discard([entry], of: shards[shard])
        try expect(count == 1, "not discarded")
        models[shard].dead.remove(at: index)
    }

    mutating func addGarbage(_ shard: Int) throws {
        step = "garbage"
        try raw.command("XADD", key(shard, "s"), "*", "x", "\(pick(0..<1_000))", "y", "")
        models[shard].append(QueueModel.Content())
    }

    /// Everything is lost; what PostgreSQL would know is added again.
    mutating func wipe() throws {
        step = "FLUSHALL"
        try raw.command("FLUSHALL")
        for shard in shards.indices {
            models[shard].wipe()
            if chance(50) { try add(shard) }
        }
        step = "FLUSHALL and refill"
    }

    /// What is none, and is taken for none.
    mutating func scribbleMarker(_ shard: Int) throws {
        step = "a marker that is none"
        let words: [RedisArgument] = ["abc", "1e9", "-5", "0x10", "nan", "99999999999999999999", ""]
        try raw.command("SET", key(shard, "epoch"), words[pick(0..<words.count)])
        models[shard].epoch = nil
    }

    /// Entries deleted before they are given out, or acknowledged in somebody's hand; or a key that is overwritten.
    mutating func touch(_ shard: Int) throws {
        switch pick(0..<4) {
        case 0:
            let places = models[shard].fresh.compactMap(\.place)
            guard !places.isEmpty else { return }
            let place = places[pick(0..<places.count)]
            step = "XDEL \(place)"
            try raw.command("XDEL", key(shard, "s"), .text("\(place)"))
            models[shard].remove(place)
        case 1, 2:
            let places = models[shard].holders.keys.sorted()
            guard !places.isEmpty else { return }
            let place = places[pick(0..<places.count)]
            step = "XACK \(place)"
            try raw.command("XACK", key(shard, "s"), "workers", .text("\(place)"))
            models[shard].holders[place] = nil
        default: try overwriteStream(shard)
        }
    }

    /// The stream's key holds something else while consumers settle what they have in hand, of this and of other shards.
    private mutating func overwriteStream(_ shard: Int) throws {
        try raw.command("SET", key(shard, "s"), "mine")
        models[shard].loseStream()
        let consumer = pick(0..<queues.count)
        switch pick(0..<6) {
        case 0: try done(consumer)
        case 1: try retry(consumer)
        case 2: try bury(consumer)
        case 3: try release(consumer)
        case 4: try releaseOwn(consumer)
        default: try takeOver(consumer)
        }
        step += ", shard \(shards[shard]) overwritten"
        let refused = queues[consumer].takeRefusals().keys
        try expect(refused.allSatisfy { $0 == shards[shard] }, "refused \(refused)")
        try raw.command("DEL", key(shard, "s"))
    }
}
