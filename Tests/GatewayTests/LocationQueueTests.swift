import Core
import Testing

@testable import Gateway

@Suite("Look-ups that wait")
struct LocationQueueTests {
    @Test("one query at a time, in order, of at most so many")
    func batches() throws {
        let queue = LocationQueue()
        #expect(queue.nextBatch() == nil)
        for number in 0..<(LocationQueue.batchMax + 5) {
            #expect(queue.add(token: UInt64(number), id: AffiliateID(Int64(number + 1))))
        }
        let first = try #require(queue.nextBatch())
        #expect(first.map(\.token) == (0..<UInt64(LocationQueue.batchMax)).map { $0 })
        #expect(queue.nextBatch() == nil, "one is on its way")
        queue.batchFinished()
        #expect(queue.nextBatch()?.count == 5)
        queue.batchFinished()
        #expect(queue.nextBatch() == nil)
    }

    @Test("over its bound the queue refuses, and takes more when a batch has left")
    func bound() {
        let queue = LocationQueue()
        for number in 0..<LocationQueue.waitingMax { #expect(queue.add(token: UInt64(number), id: AffiliateID(1))) }
        #expect(!queue.add(token: 0, id: AffiliateID(1)))
        #expect(queue.nextBatch()?.count == LocationQueue.batchMax)
        #expect(queue.add(token: 0, id: AffiliateID(1)))
    }
}
