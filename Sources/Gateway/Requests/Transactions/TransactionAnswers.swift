import Core
import Frames
import HTTP2

extension TransactionBatch {
    /// The longest result of one transaction in an answer's list, bytes.
    static let resultBytesMax = 384
    /// The longest answer it may get.
    var answerBytesMax: Int { count * Self.resultBytesMax + 256 }
}

/// How many transactions of one request came to what.
struct TransactionTally: Equatable {
    var accepted = 0
    var repeated = 0
    /// Status 4xx: as it is, it will never be accepted.
    var refused = 0
    /// Status 5xx: send it again.
    var failed = 0

    mutating func add(_ status: UInt16) {
        switch status {
        case 201: accepted += 1
        case 200: repeated += 1
        case 400..<500: refused += 1
        default: failed += 1
        }
    }

    /// The status of the list they are in.
    var status: UInt16 { refused + failed > 0 ? 207 : accepted > 0 ? 201 : 200 }
}

extension ByteBuilder {
    /// The answer to one transaction that was accepted, now or before: the same to the last byte.
    func appendAcceptance(id: Int64, acceptedAt: Int64, externalID: UnsafeRawBufferPointer) {
        append("{\"transaction_id\":" as StaticString)
        appendDecimal(id)
        append(",\"external_transaction_id\":" as StaticString)
        appendJSON(externalID)
        append(",\"status\":\"accepted\",\"accepted_at\":\"" as StaticString)
        appendRFC3339(unixMicroseconds: acceptedAt)
        append("\"}" as StaticString)
    }

    /// One line of the list of a batch's results.
    func appendResult(_ result: TransactionResult, at index: Int) {
        append("{\"index\":" as StaticString)
        appendDecimal(index)
        append(",\"status\":" as StaticString)
        appendDecimal(Int(result.status))
        switch result {
        case .accepted(let id, _), .repeated(let id, _), .conflict(let id):
            append(",\"transaction_id\":" as StaticString)
            appendDecimal(id)
        case .faulty, .problem: break
        }
        if let problem = result.problem {
            append(",\"type\":\"/problems/" as StaticString)
            append(problem.slug)
            append("\"" as StaticString)
            if let field = result.field {
                append(",\"field\":\"" as StaticString)
                append(field)
                append("\"" as StaticString)
            }
            append(",\"detail\":" as StaticString)
            let detail = result.detail ?? problem.title
            appendJSON(UnsafeRawBufferPointer(start: detail.utf8Start, count: detail.utf8CodeUnitCount))
        }
        append(UInt8(ascii: "}"))
    }

    /// The answer to a batch.
    func appendResults(_ results: some Collection<TransactionResult>) -> TransactionTally {
        var tally = TransactionTally()
        append("{\"results\":[" as StaticString)
        for (index, result) in results.enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendResult(result, at: index)
            tally.add(result.status)
        }
        append("],\"accepted\":" as StaticString)
        appendDecimal(tally.accepted)
        append(",\"repeated\":" as StaticString)
        appendDecimal(tally.repeated)
        append(",\"refused\":" as StaticString)
        appendDecimal(tally.refused)
        append(",\"failed\":" as StaticString)
        appendDecimal(tally.failed)
        append(UInt8(ascii: "}"))
        return tally
    }
}

extension GatewayLoop {
    /// Answers a batch whose transactions all have their result.
    func respond(_ index: Int, _ batch: TransactionBatch) {
        // One that has none is a fault of ours, and told as such.
        let results = (0..<batch.count).map { batch.result(of: $0) ?? .problem(.internalError) }
        guard batch.items.isBatch else { return respond(index, results[0], externalID: batch.items.externalID(of: 0)) }
        body.removeAll()
        let tally = body.appendResults(results)
        metrics.countTransactions(tally)
        respond(index, status: tally.status, type: .json, body: body.bytes)
    }

    private func respond(_ index: Int, _ result: TransactionResult, externalID: UnsafeRawBufferPointer) {
        var tally = TransactionTally()
        tally.add(result.status)
        metrics.countTransactions(tally)
        switch result {
        case .accepted(let id, let acceptedAt), .repeated(let id, let acceptedAt):
            body.removeAll()
            body.appendAcceptance(id: id, acceptedAt: acceptedAt, externalID: externalID)
            let length = body.count
            body.append("/api/v2/transactions/" as StaticString)
            body.appendDecimal(id)
            respond(
                index, status: result.status, type: .json, body: UnsafeRawBufferPointer(rebasing: body.bytes[..<length]),
                extra: .location, extraValue: UnsafeRawBufferPointer(rebasing: body.bytes[length...]))
        case .conflict(let id):
            respond(index, .transactionConflict, field: "external_transaction_id", transactionID: id)
        case .faulty, .problem:
            respond(
                index, result.problem ?? .internalError, field: result.field.map { "\($0)" },
                detail: result.detail.map { "\($0)" })
        }
    }
}
