import Core

/// A transaction that a worker has checked and is about to commit. Moments are microseconds since 1970.
package struct NewTransaction: Sendable {
    /// Given by `TransactionNumbers`.
    package var id: Int64
    package var shard: ShardID
    package var affiliate: AffiliateID
    package var type: TransactionType
    package var amount: Money
    package var winnings: Money
    package var currency: String
    /// Nil: when it is accepted.
    package var dateMicroseconds: Int64?
    /// Nil: as usual for the type.
    package var isEligible: Bool?
    package var externalID: String
    /// A JSON object as text.
    package var metadata: String?
    /// The ancestors at this moment, nearest first.
    package var upline: [Int64]
    /// Level distances whose affiliate is not active, ascending.
    package var inactiveDistances: [Int16]
    /// Why it is not accepted now. It goes to PostgreSQL all the same: if it was accepted before, it is answered as then.
    package var refusalIfNew: IntakeRefusal?

    package init(
        id: Int64, shard: ShardID, affiliate: AffiliateID, type: TransactionType, amount: Money, winnings: Money,
        currency: String,
        dateMicroseconds: Int64?, isEligible: Bool?, externalID: String, metadata: String?, upline: [Int64],
        inactiveDistances: [Int16], refusalIfNew: IntakeRefusal? = nil
    ) {
        self.id = id
        self.shard = shard
        self.affiliate = affiliate
        self.type = type
        self.amount = amount
        self.winnings = winnings
        self.currency = currency
        self.dateMicroseconds = dateMicroseconds
        self.isEligible = isEligible
        self.externalID = externalID
        self.metadata = metadata
        self.upline = upline
        self.inactiveDistances = inactiveDistances
        self.refusalIfNew = refusalIfNew
    }
}

/// What keeps a transaction from being accepted at one moment and not at another.
package enum IntakeRefusal: Sendable, Equatable {
    case inactiveAffiliate
    case futureDate
}

/// What became of one transaction of a group.
package enum IntakeOutcome: Sendable, Equatable {
    /// Committed, now or by an earlier attempt of the same group.
    case accepted(acceptedAtMicroseconds: Int64)
    /// An earlier transaction has this external id and the same facts.
    case repeated(id: Int64, acceptedAtMicroseconds: Int64)
    /// An earlier transaction has this external id and other facts, or its row is kept no longer.
    case conflict(id: Int64)
    /// It was not accepted before, and is not to be now.
    case refused(IntakeRefusal)
    /// The shard has another owner or epoch: nothing was written.
    case fenced
}
