import Core
import TestServers
import Testing

@testable import JobQueue

@Suite struct RecordTests {
    @Test("a record has the bytes that its description says")
    func golden() throws {
        let record = JobRecord.encode(
            id: Array("tx-7".utf8), failures: 2, crashes: 1, postponements: 9, enqueuedAtMilliseconds: 0x0102_0304_0506_0708,
            cause: JobCause("no_plan"),
            error: "é", payload: [0xff, 0x00])
        #expect(
            record == [1, 2, 1, 4, 7, 9, 2, 0, 8, 7, 6, 5, 4, 3, 2, 1] + Array("tx-7no_plané".utf8) + [0xff, 0x00])
        let job = try #require(Job(kind: .commission, shard: ShardID(3), entry: nil, record: record[...]))
        #expect(
            job.id.text == "tx-7" && job.failures == 2 && job.crashes == 1 && job.postponements == 9
                && job.lastCause?.word == "no_plan")
        #expect(
            job.lastError == "é" && Array(job.payload) == [0xff, 0x00] && job.enqueuedAtMilliseconds == 0x0102_0304_0506_0708)
    }

    @Test("a record inside of other bytes is read by its own place")
    func slices() throws {
        let new = try NewJob(JobID(42), shard: ShardID(1), payload: Array(0..<100), enqueuedAtMilliseconds: 5)
        let all = [UInt8](repeating: 9, count: 33) + new.record + [UInt8](repeating: 9, count: 3)
        let job = try #require(Job(kind: .commission, shard: ShardID(1), entry: nil, record: all[33..<(all.count - 3)]))
        #expect(job.id.text == "42" && job.payload.elementsEqual(0..<100))
        #expect(job.recordWith(failures: 0, postponements: 0, cause: JobCause("x"), error: "").count == new.record.count + 1)
    }

    @Test("the longest of everything fits, and one byte more is refused")
    func longest() throws {
        let id = try JobID(String(repeating: "i", count: JobID.bytesMax))
        let payload = [UInt8](repeating: 1, count: JobRecord.payloadBytesMax)
        let cause = JobCause(String(repeating: "c", count: 100))
        let record = JobRecord.encode(
            id: id.text.utf8, failures: 1_000, crashes: 255, enqueuedAtMilliseconds: .max, cause: cause,
            error: String(repeating: "🙂", count: 1_000), payload: payload)
        #expect(record.count == JobRecord.bytesMax)
        let job = try #require(Job(kind: .commission, shard: ShardID(0), entry: nil, record: record[...]))
        #expect(job.failures == 255 && job.lastError == String(repeating: "🙂", count: 128) && job.id == id)
        #expect(Job(kind: .commission, shard: ShardID(0), entry: nil, record: (record + [0])[...]) == nil)
        #expect(throws: JobQueueError.self) { try JobID(String(repeating: "i", count: JobID.bytesMax + 1)) }
        #expect(throws: JobQueueError.self) {
            try NewJob(id, shard: ShardID(0), payload: payload + [1], enqueuedAtMilliseconds: 0)
        }
    }

    @Test("bytes that are cut, changed or made up are read as a job or refused, and never read past their end")
    func hostile() throws {
        var random = SeededGenerator(seed: 5)
        let good = JobRecord.encode(
            id: Array("tx-7".utf8), failures: 2, crashes: 1, enqueuedAtMilliseconds: 1, cause: JobCause("no_plan"), error: "what",
            payload: [1, 2, 3])
        var accepted = 0
        for round in 0..<20_000 {
            var bytes = good
            switch round % 3 {
            case 0: bytes = Array(good.prefix(Int.random(in: 0..<good.count, using: &random)))
            case 1:
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<good.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
                }
            default: bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in UInt8.random(in: 0...8, using: &random) }
            }
            guard let job = Job(kind: .commission, shard: ShardID(0), entry: nil, record: bytes[...]) else { continue }
            accepted += 1
            #expect(JobID.bytesMax >= job.id.text.utf8.count && job.payload.count <= bytes.count)
            _ = (
                job.lastCause, job.lastError, job.recordWith(failures: 1, postponements: 1, cause: .crashed, error: job.lastError)
            )
        }
        #expect(accepted > 100)
    }

    @Test("a place in a stream is read as Redis writes it, and nothing else is")
    func entries() {
        #expect(EntryID("1700000000000-12".utf8) == EntryID(milliseconds: 1_700_000_000_000, sequence: 12))
        #expect(
            EntryID("18446744073709551615-18446744073709551615".utf8)?.description == "18446744073709551615-18446744073709551615")
        for text in ["", "-", "1", "1-", "-1", "1-2-3", "1-x", " 1-2", "18446744073709551616-0", "0-99999999999999999999"] {
            #expect(EntryID(text.utf8) == nil, "\(text)")
        }
        #expect(EntryID(milliseconds: 9, sequence: 0) < EntryID(milliseconds: 10, sequence: 0))
        #expect(EntryID(milliseconds: 9, sequence: 1) > EntryID(milliseconds: 9, sequence: 0))
    }

    @Test("names and causes are what keys and people can take")
    func names() throws {
        #expect(try JobKind("process-webhook").name == "process-webhook")
        for name in ["", "Commission", "a b", "a}b", "a:b", String(repeating: "a", count: 33)] {
            #expect(throws: JobQueueError.self, "\(name)") { try JobKind(name) }
        }
        for id in ["", "a b", "é", "a\n"] { #expect(throws: JobQueueError.self, "\(id)") { try JobID(id) } }
        #expect(JobCause("No Plan: é").word == "_o__lan____")
        #expect(QueueKeys(.commission).text(.deadLetters, ShardID(7)) == "{fature:commission:007}:dlq")
        #expect(QueueKeys(.commission).text(.stream, ShardID(255)) == "{fature:commission:255}:s")
        let name = ConsumerName.make()
        #expect(name != ConsumerName.make() && name.text.split(separator: "-").count >= 3)
        #expect(name.lane(1, generation: 2).text == "\(name)/1.2")
    }
}
