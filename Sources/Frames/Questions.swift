import Core

/// The fields of a read about one affiliate.
package struct AffiliateQuestion: Equatable, Sendable {
    /// The shard must have reached this change before it answers; 0 asks for nothing.
    package var sequence: ChangeSequence
    package var affiliate: AffiliateID

    package init(sequence: ChangeSequence, affiliate: AffiliateID) {
        self.sequence = sequence
        self.affiliate = affiliate
    }

    package init?(from reader: inout FieldReader) {
        guard let sequence = reader.integer(Int64.self), let id = reader.integer(Int64.self) else { return nil }
        self.init(sequence: sequence, affiliate: AffiliateID(id))
    }

    package func write(to frame: ByteBuilder) {
        frame.appendInteger(sequence)
        frame.appendInteger(affiliate.rawValue)
    }
}

/// Where the page before ended: the last affiliate it gave, that one's sponsor and level distance.
package struct NetworkCursor: Equatable, Sendable {
    package var levelDistance: UInt32
    package var parent: AffiliateID
    package var affiliate: AffiliateID

    package init(levelDistance: UInt32, parent: AffiliateID, affiliate: AffiliateID) {
        self.levelDistance = levelDistance
        self.parent = parent
        self.affiliate = affiliate
    }
}

/// The fields of a question about an affiliate's network.
package struct NetworkQuestion: Equatable, Sendable {
    package var about: AffiliateQuestion
    /// Level distances 1 to `depth` are counted and listed.
    package var depth: UInt32
    /// How many members the page may have.
    package var limit: UInt32
    package var status: AffiliateStatus?
    package var cursor: NetworkCursor?

    package init(about: AffiliateQuestion, depth: UInt32, limit: UInt32, status: AffiliateStatus?, cursor: NetworkCursor?) {
        self.about = about
        self.depth = depth
        self.limit = limit
        self.status = status
        self.cursor = cursor
    }

    static let anyStatus: UInt8 = 255

    package init?(from reader: inout FieldReader) {
        guard let about = AffiliateQuestion(from: &reader), let depth = reader.integer(UInt32.self),
            let limit = reader.integer(UInt32.self), let statusByte = reader.integer(UInt8.self),
            let hasCursor = reader.integer(UInt8.self)
        else { return nil }
        var status: AffiliateStatus?
        if statusByte != Self.anyStatus {
            guard let known = AffiliateStatus(rawValue: statusByte) else { return nil }
            status = known
        }
        var cursor: NetworkCursor?
        if hasCursor == 1 {
            guard let distance = reader.integer(UInt32.self), let parent = reader.integer(Int64.self),
                let id = reader.integer(Int64.self)
            else { return nil }
            cursor = NetworkCursor(levelDistance: distance, parent: AffiliateID(parent), affiliate: AffiliateID(id))
        } else if hasCursor != 0 {
            return nil
        }
        self.init(about: about, depth: depth, limit: limit, status: status, cursor: cursor)
    }

    package func write(to frame: ByteBuilder) {
        about.write(to: frame)
        frame.appendInteger(depth)
        frame.appendInteger(limit)
        frame.append(status?.rawValue ?? Self.anyStatus)
        frame.append(cursor == nil ? 0 : 1 as UInt8)
        if let cursor {
            frame.appendInteger(cursor.levelDistance)
            frame.appendInteger(cursor.parent.rawValue)
            frame.appendInteger(cursor.affiliate.rawValue)
        }
    }
}

/// The fields of a ranking question.
package struct RankingQuestion: Equatable, Sendable {
    package var metric: RankingMetric
    package var limit: UInt32

    package init(metric: RankingMetric, limit: UInt32) {
        self.metric = metric
        self.limit = limit
    }

    package init?(from reader: inout FieldReader) {
        guard let byte = reader.integer(UInt8.self), let metric = RankingMetric(rawValue: byte),
            let limit = reader.integer(UInt32.self)
        else { return nil }
        self.init(metric: metric, limit: limit)
    }

    package func write(to frame: ByteBuilder) {
        frame.append(metric.rawValue)
        frame.appendInteger(limit)
    }
}

/// One line of a worker's part of a ranking.
package struct RankedAffiliate: Equatable, Sendable {
    package var affiliate: AffiliateID
    package var value: Int64

    package init(affiliate: AffiliateID, value: Int64) {
        self.affiliate = affiliate
        self.value = value
    }

    package init?(from reader: inout FieldReader) {
        guard let id = reader.integer(Int64.self), let value = reader.integer(Int64.self) else { return nil }
        self.init(affiliate: AffiliateID(id), value: value)
    }

    package func write(to frame: ByteBuilder) {
        frame.appendInteger(affiliate.rawValue)
        frame.appendInteger(value)
    }

    /// The order of a ranking: larger values first, then smaller ids.
    package static func ranksBefore(_ a: Self, _ b: Self) -> Bool {
        a.value != b.value ? a.value > b.value : a.affiliate < b.affiliate
    }
}
