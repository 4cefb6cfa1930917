/// Why something that an operator asked for was not done, or what they asked cannot be answered. One line for people, which says what to do next.
package struct AdministrationFault: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        // What was asked for.
        /// No plan has that number, or there is none at all.
        case unknownPlan = "unknown-plan"
        /// Shards are 0 to 255.
        case unknownShard = "unknown-shard"
        /// No worker is called so.
        case unknownWorker = "unknown-worker"
        /// A value is out of range.
        case invalidField = "invalid-field"
        /// The cluster or the plan is not in a state for it; nothing was done.
        case refused

        // How it was asked.
        case malformedRequest = "malformed-request"
        case unauthorized
        /// A page of another origin has a browser ask.
        case foreignOrigin = "foreign-origin"
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case requestTimedOut = "request-timed-out"
        case bodyTooLarge = "body-too-large"
        case unsupportedMediaType = "unsupported-media-type"
        case headersTooLarge = "headers-too-large"

        // What kept the answer back.
        case internalError = "internal-error"
        /// Too many requests at once; nothing was done.
        case overloaded
        /// PostgreSQL does not answer; nothing was done.
        case databaseUnavailable = "database-unavailable"
        /// The coordinator ends; nothing was done.
        case shuttingDown = "shutting-down"
        /// PostgreSQL went away, or took too long, while the change was on its way; or it is made and could not be read again.
        case outcomeUnknown = "outcome-unknown"
        case deadlineExceeded = "deadline-exceeded"

        // Seen by who asks alone.
        /// Nobody answers there.
        case unreachable
        /// Its certificate or ours will not do.
        case peerRefused = "peer-refused"
        /// It answers with something else.
        case notUnderstood = "not-understood"
        /// An address, a file or a combination of flags makes no sense.
        case misconfigured
    }

    package let code: Code
    /// What is wrong, where, and what to do next.
    package let message: String
    /// The plan that was refused.
    package var plan: RebalanceDocument?
    /// What the resource answers, where another method was asked for.
    package var allowedMethods: String?
    /// What went wrong beneath, for logs and for who has PostgreSQL itself asked.
    package var cause: (any Error)?

    package init(
        _ code: Code, _ message: String, plan: RebalanceDocument? = nil, allowedMethods: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.plan = plan
        self.allowedMethods = allowedMethods
        self.cause = cause
    }

    package var description: String { cause.map { "\(message) (\($0))" } ?? message }
}

extension AdministrationFault.Code {
    /// Over HTTP.
    package var status: Int {
        switch self {
        case .malformedRequest: 400
        case .unauthorized: 401
        case .foreignOrigin: 403
        case .unknownPlan, .unknownShard, .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimedOut: 408
        case .refused: 409
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .unknownWorker, .invalidField: 422
        case .headersTooLarge: 431
        case .internalError, .notUnderstood, .misconfigured: 500
        case .overloaded, .databaseUnavailable, .shuttingDown, .outcomeUnknown, .unreachable, .peerRefused: 503
        case .deadlineExceeded: 504
        }
    }

    /// What all problems of this type have in common.
    var title: String {
        switch self {
        case .unknownPlan: "No such plan"
        case .unknownShard: "No such shard"
        case .unknownWorker: "No such worker"
        case .invalidField: "A value is out of range"
        case .refused: "The cluster or the plan does not allow it now: nothing was done"
        case .malformedRequest: "The request is not one of these"
        case .unauthorized: "A bearer token is wanted, and another than this"
        case .foreignOrigin: "Pages of other origins may not ask"
        case .notFound: "No such resource"
        case .methodNotAllowed: "The resource does not answer this method"
        case .requestTimedOut: "The request did not arrive whole in time"
        case .bodyTooLarge: "The body is too large"
        case .unsupportedMediaType: "The body has to be JSON, and to say so"
        case .headersTooLarge: "The request's head is too large"
        case .internalError: "Something is wrong in the cluster; the coordinator's log says more"
        case .overloaded: "Too many requests at once: try again shortly"
        case .databaseUnavailable: "The database does not answer at the moment: nothing was changed"
        case .shuttingDown: "This coordinator ends: nothing was done"
        case .outcomeUnknown: "It is not known whether the change was made: look before trying again"
        case .deadlineExceeded: "No answer within the deadline: nothing was changed"
        case .unreachable: "Nobody answers"
        case .peerRefused: "The peer is not who it should be"
        case .notUnderstood: "The answer is not one of a coordinator"
        case .misconfigured: "A setting makes no sense"
        }
    }

    /// Seconds after which to try again; nil where that would be no use.
    package var retryAfter: Int? { status == 503 ? 1 : nil }
}
