import Core

/// What a gateway asks of a worker. The raw value travels in the frame's header.
package enum Operation: UInt8, Sendable, CaseIterable {
    /// Fields: `AffiliateQuestion`. Answer: the affiliate as JSON.
    case affiliate = 1
    /// Fields: `NetworkQuestion`. Answer: counts and a page of members as JSON.
    case network = 2
    /// Fields: `AffiliateQuestion`. Answer: the ancestors, nearest first, as JSON.
    case upline = 3
    /// Fields: `NetworkQuestion` (depth alone counts). Answer: the network by status, as JSON.
    case statusCounts = 4
    /// Fields: `RankingQuestion`. Answer: `RankedAffiliate`s of all shards of this worker, binary.
    case rankings = 5
    /// No fields. Answer: `ShardStatistics` of all shards of this worker, binary.
    case statistics = 6
    /// Fields: `JoinOrder`. Answer: the new affiliate as JSON.
    case join = 7
    /// Fields: `StatusOrder`. Answer: the affiliate as JSON.
    case setStatus = 8
    /// Fields: `MoveOrder`. Answer: `MoveReceipt`, binary.
    case move = 9
    /// Fields: `AffiliateQuestion`, whose sequence must be reached before the answer; the affiliate may be 0. Answer: nothing.
    case catchUp = 10
    /// No fields. Answer: the shards this worker serves now and a count of 0, binary.
    case presence = 11
    /// To all shards of a worker: a u32 count and so many `TransactionOrder`s, each naming its shard. Answer: a `TransactionReceipt` for each,
    /// in order, binary.
    case accept = 12
}

/// How a worker answers. The raw value travels in the frame's header.
package enum Outcome: UInt8, Sendable, CaseIterable {
    /// The fields are the body of an HTTP answer; the word is its status.
    case body = 0
    /// The fields are binary, as the operation says.
    case binary = 1
    /// The word is a `WorkerProblem`; the fields are a text that says more, perhaps empty.
    case problem = 2
    /// This worker does not own the shard, or may not answer for it now.
    case notOwner = 3
    /// The affiliate is in another shard: `shard` u16, `sequence` i64 that must be reached there first.
    case elsewhere = 4
    /// The shard is served by another worker, as far as this one knows: `owner` i64 (its instance), `epoch` i64. Nothing was begun.
    case moved = 5
    /// The shard is this worker's in a moment. Nothing was begun.
    case notYet = 6
}

/// Why a worker refused. Each has one HTTP status and one problem type (`docs/design/http.md`).
package enum WorkerProblem: UInt32, Sendable, CaseIterable {
    case malformedFrame = 1
    case unknownAffiliate = 2
    case unknownParent = 3
    case duplicateAffiliateID = 4
    case duplicateExternalID = 5
    case duplicateReferralCode = 6
    case cycle = 7
    case tooDeep = 8
    case cursorExpired = 9
    case overloaded = 10
    case loading = 11
    case databaseUnavailable = 12
    case answerTooLarge = 13
    case deadlineExceeded = 14
    /// The database did not say whether the change was committed.
    case outcomeUnknown = 15
}
