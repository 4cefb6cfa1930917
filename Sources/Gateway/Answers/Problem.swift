import Core
import Frames
import HTTP2

/// The problems a caller can meet (RFC 9457). Each has one type, one title and one status; `docs/design/http.md` lists them.
package enum Problem: UInt8, Sendable, CaseIterable {
    case badField, malformedBody, notFound, unknownAffiliate, methodNotAllowed, bodyTooLarge, targetTooLong, headersTooLarge
    case unknownParent, duplicateAffiliateID, duplicateExternalID, duplicateReferralCode, cycle, tooDeep, cursorExpired
    case invalidField, unknownSource, inactiveSource, wrongCurrency, futureDate, transactionConflict
    case unknownTransaction, unknownCommission, illegalTransition, transactionReversed
    case overloaded, shardUnavailable, databaseUnavailable, deadlineExceeded, outcomeUnknown, internalError, requestTimedOut
    case tooMuchToCount

    var status: UInt16 {
        switch self {
        case .badField, .malformedBody: 400
        case .notFound, .unknownAffiliate, .unknownTransaction, .unknownCommission: 404
        case .methodNotAllowed: 405
        case .requestTimedOut: 408
        case .duplicateAffiliateID, .duplicateExternalID, .duplicateReferralCode, .cycle, .transactionConflict,
            .illegalTransition,
            .transactionReversed:
            409
        case .cursorExpired: 410
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unknownParent, .tooDeep, .invalidField, .unknownSource, .inactiveSource, .wrongCurrency, .futureDate: 422
        case .headersTooLarge: 431
        case .internalError: 500
        case .overloaded, .shardUnavailable, .databaseUnavailable, .outcomeUnknown, .tooMuchToCount: 503
        case .deadlineExceeded: 504
        }
    }

    /// The last part of `type`.
    var slug: StaticString {
        switch self {
        case .badField: "bad-field"
        case .malformedBody: "malformed-body"
        case .notFound: "not-found"
        case .unknownAffiliate: "unknown-affiliate"
        case .methodNotAllowed: "method-not-allowed"
        case .bodyTooLarge: "body-too-large"
        case .targetTooLong: "target-too-long"
        case .headersTooLarge: "headers-too-large"
        case .unknownParent: "unknown-parent"
        case .duplicateAffiliateID: "duplicate-affiliate-id"
        case .duplicateExternalID: "duplicate-external-id"
        case .duplicateReferralCode: "duplicate-referral-code"
        case .cycle: "cycle"
        case .tooDeep: "too-deep"
        case .cursorExpired: "cursor-expired"
        case .invalidField: "invalid-field"
        case .unknownSource: "unknown-source"
        case .inactiveSource: "inactive-source"
        case .wrongCurrency: "wrong-currency"
        case .futureDate: "future-date"
        case .transactionConflict: "transaction-conflict"
        case .unknownTransaction: "unknown-transaction"
        case .unknownCommission: "unknown-commission"
        case .illegalTransition: "illegal-transition"
        case .transactionReversed: "transaction-reversed"
        case .overloaded: "overloaded"
        case .shardUnavailable: "shard-unavailable"
        case .databaseUnavailable: "database-unavailable"
        case .deadlineExceeded: "deadline-exceeded"
        case .outcomeUnknown: "outcome-unknown"
        case .internalError: "internal-error"
        case .requestTimedOut: "request-timed-out"
        case .tooMuchToCount: "too-much-to-count"
        }
    }

    var title: StaticString {
        switch self {
        case .badField: "A field is missing or wrong"
        case .malformedBody: "The body is not the JSON expected here"
        case .notFound: "No such resource"
        case .unknownAffiliate: "No such affiliate"
        case .methodNotAllowed: "The resource does not answer this method"
        case .bodyTooLarge: "The body is too large"
        case .targetTooLong: "The request target is too long"
        case .headersTooLarge: "The headers are too large"
        case .unknownParent: "No affiliate has the number given as sponsor"
        case .duplicateAffiliateID: "An affiliate with this number exists already"
        case .duplicateExternalID: "An affiliate with this external id exists already"
        case .duplicateReferralCode: "An affiliate with this referral code exists already"
        case .cycle: "An affiliate cannot be moved below itself"
        case .tooDeep: "The hierarchy would become too deep"
        case .cursorExpired: "The network has changed under this cursor: begin again without it"
        case .invalidField: "A field of the body cannot be accepted"
        case .unknownSource: "No affiliate has the number given as the transaction's source"
        case .inactiveSource: "The affiliate is not active"
        case .wrongCurrency: "The programme has another currency"
        case .futureDate: "The transaction's date is in the future"
        case .transactionConflict: "A transaction with this external id and other facts exists already"
        case .unknownTransaction: "No such transaction"
        case .unknownCommission: "No such commission"
        case .illegalTransition: "A commission cannot go from its status to that one"
        case .transactionReversed: "A commission of a reversed transaction cannot be cancelled: its reversal has taken it back"
        case .overloaded: "Too many requests are waiting: try again shortly"
        case .shardUnavailable: "The part of the network asked for has no owner at the moment: try again shortly"
        case .databaseUnavailable: "The database does not answer at the moment: nothing was changed"
        case .deadlineExceeded: "No answer within the deadline"
        case .outcomeUnknown: "It is not known whether the change was made: look before trying again"
        case .internalError: "Something is wrong in the cluster; the log says more"
        case .requestTimedOut: "The request did not arrive whole in time"
        case .tooMuchToCount: "The filter names more than can be counted in time: narrow it by from and to"
        }
    }

    /// Seconds after which to try again, or nil where trying again would be no use.
    var retryAfter: StaticString? { self != .tooMuchToCount && (status == 503 || status == 504) ? "1" : nil }

    init(_ problem: WorkerProblem) {
        switch problem {
        case .malformedFrame, .answerTooLarge: self = .internalError
        case .unknownAffiliate: self = .unknownAffiliate
        case .unknownParent: self = .unknownParent
        case .duplicateAffiliateID: self = .duplicateAffiliateID
        case .duplicateExternalID: self = .duplicateExternalID
        case .duplicateReferralCode: self = .duplicateReferralCode
        case .cycle: self = .cycle
        case .tooDeep: self = .tooDeep
        case .cursorExpired: self = .cursorExpired
        case .overloaded: self = .overloaded
        case .loading: self = .shardUnavailable
        case .databaseUnavailable: self = .databaseUnavailable
        case .deadlineExceeded: self = .deadlineExceeded
        case .outcomeUnknown: self = .outcomeUnknown
        }
    }

    /// What the transport found wrong before the request was whole.
    init(refusal: UInt16) {
        switch refusal {
        case 408: self = .requestTimedOut
        case 413: self = .bodyTooLarge
        case 414: self = .targetTooLong
        case 431: self = .headersTooLarge
        case 503: self = .overloaded
        default: self = .malformedBody
        }
    }

    /// The problem as JSON. `field`, `detail` and `transactionID` are left out when absent.
    func write(
        to body: ByteBuilder, requestID: UnsafeRawBufferPointer, field: String? = nil, detail: String? = nil,
        transactionID: Int64? = nil
    ) {
        body.append("{\"type\":\"/problems/" as StaticString)
        body.append(slug)
        body.append("\",\"title\":\"" as StaticString)
        body.append(title)
        body.append("\",\"status\":" as StaticString)
        body.appendDecimal(Int(status))
        if let field {
            body.append(",\"field\":" as StaticString)
            body.appendJSON(field)
        }
        if let detail {
            body.append(",\"detail\":" as StaticString)
            body.appendJSON(detail)
        }
        if let transactionID {
            body.append(",\"transaction_id\":" as StaticString)
            body.appendDecimal(transactionID)
        }
        body.append(",\"request_id\":" as StaticString)
        body.appendJSON(requestID)
        body.append(UInt8(ascii: "}"))
    }
}
