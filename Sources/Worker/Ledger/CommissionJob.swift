import Core
import JobQueue
import Store

/// A commission job as bytes: the transaction's number is the job's id, the moment of its acceptance (microseconds since 1970, decimal) the
/// payload. Everything else stands in PostgreSQL.
package enum CommissionJob {
    /// Longest payload that is one: the digits of 64 bits.
    private static let payloadBytesMax = 19

    package static func job(for order: CommissionPayment.Order) throws(JobQueueError) -> NewJob {
        try NewJob(
            JobID(order.transactionID), shard: order.shard, payload: Array(String(order.acceptedAtMicroseconds).utf8),
            enqueuedAtMilliseconds: order.acceptedAtMicroseconds / 1000)
    }

    /// Nil for what is no job of ours.
    static func order(of job: Job) -> CommissionPayment.Order? {
        guard let id = number(ArraySlice(job.id.text.utf8)), let acceptedAt = number(job.payload) else { return nil }
        return CommissionPayment.Order(transactionID: id, acceptedAtMicroseconds: acceptedAt, shard: job.shard)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard (1...payloadBytesMax).contains(digits.count) else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !isOver, !isOverToo else { return nil }
            value = sum
        }
        return value
    }
}
