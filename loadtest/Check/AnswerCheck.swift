import Core
import Foundation
import LoadPlan
import LoadRecord
import PostgresClient

/// Compares sampled answers with what recursive queries over the list of sponsors say: no path, no closure and no counter is read.
///
/// An affiliate whose shard has changed since the run began is passed over: what it answered was true at a moment that is gone. An answer about another
/// affiliate than was asked for is wrong, whatever it says.
package struct AnswerCheck {
    private let connection: PostgresConnection
    private let scenario: Scenario
    private let maker: RequestMaker
    private let startedAtMicroseconds: Int64

    private static let examplesMax = 10

    /// - Parameters:
    ///   - maker: of the run.
    ///   - startedAtMicroseconds: on PostgreSQL's clock.
    package init(_ connection: PostgresConnection, scenario: Scenario, maker: RequestMaker, startedAtMicroseconds: Int64) {
        self.connection = connection
        self.scenario = scenario
        self.maker = maker
        self.startedAtMicroseconds = startedAtMicroseconds
    }

    package func verdict(_ samples: [AnswerWitness.Sample]) throws -> AnswerVerdict {
        var verdict = AnswerVerdict()
        for sample in samples {
            let operation = scenario.operations[sample.operation]
            guard let difference = try difference(sample, operation.operation) else {
                verdict.skipped += 1
                continue
            }
            verdict.compared += 1
            guard let difference else { continue }
            verdict.wrong += 1
            if verdict.examples.count < Self.examplesMax {
                verdict.examples.append("\(operation.name), request \(sample.number): \(difference)")
            }
        }
        return verdict
    }

    private struct Subject: Decodable { var affiliate_id: Int64 }
    private struct Network: Decodable {
        struct Level: Decodable { var level: Int, count: Int }
        var affiliate_id: Int64
        var depth: Int
        var direct_referrals_count: Int
        var total_network_size: Int
        var levels: [Level]
    }
    private struct Upline: Decodable {
        struct Ancestor: Decodable { var affiliate_id: Int64, level_distance: Int }
        var affiliate_id: Int64
        var upline: [Ancestor]
    }
    private struct Affiliate: Decodable {
        var affiliate_id: Int64
        var parent_affiliate_id: Int64?
        var status: String
        var direct_referrals_count: Int
        var total_network_size: Int
    }

    /// Nil: cannot be compared any more. Nil inside: equal.
    private func difference(_ sample: AnswerWitness.Sample, _ operation: LoadOperation) throws -> String?? {
        let decoder = JSONDecoder()
        let body = sample.body
        do {
            if let asked = maker.affiliate(askedBy: sample.number) {
                let about = try decoder.decode(Subject.self, from: Data(body)).affiliate_id
                guard about == asked else { return .some("asked was about affiliate \(asked), answered about \(about)") }
            }
            switch operation {
            case .network(let depth, _):
                let answer = try decoder.decode(Network.self, from: Data(body))
                guard try isUnchanged(answer.affiliate_id) else { return nil }
                return .some(try compare(answer, depth: depth))
            case .upline:
                let answer = try decoder.decode(Upline.self, from: Data(body))
                guard try isUnchanged(answer.affiliate_id) else { return nil }
                let expected = try upline(answer.affiliate_id)
                let found = answer.upline.map(\.affiliate_id)
                return .some(
                    found == expected ? nil : "the upline of \(answer.affiliate_id) is \(expected), answered was \(found)")
            case .affiliate:
                let answer = try decoder.decode(Affiliate.self, from: Data(body))
                guard try isUnchanged(answer.affiliate_id) else { return nil }
                return .some(try compare(answer))
            case .rankings, .join, .move, .transactions, .path: return nil
            }
        } catch let error as DecodingError {
            return .some("an answer that is not as documented: \(error)")
        }
    }

    private func isUnchanged(_ affiliate: Int64) throws -> Bool {
        try connection.execute(
            """
            SELECT count(*) FROM fature_v2.hierarchy_change c JOIN fature_v2.affiliates_optimized a ON a.shard_id = c.shard_id
            WHERE a.affiliate_id = $1 AND c.at >= timestamptz 'epoch' + $2 * interval '1 microsecond'
            """, [.int(affiliate), .int(startedAtMicroseconds)]
        ).int(0, 0) == 0
    }

    /// How many affiliates each level below has, from 1.
    private func levels(_ affiliate: Int64) throws -> [Int] {
        let rows = try connection.execute(
            """
            WITH RECURSIVE below (id, level) AS (
                SELECT affiliate_id, 1 FROM fature_v2.affiliates_optimized WHERE parent_affiliate_id = $1
                UNION ALL
                SELECT a.affiliate_id, b.level + 1 FROM below b JOIN fature_v2.affiliates_optimized a ON a.parent_affiliate_id = b.id
            ) SELECT count(*) FROM below GROUP BY level ORDER BY level
            """, [.int(affiliate)])
        return try (0..<rows.rowCount).map { Int(try rows.int($0, 0)) }
    }

    private func upline(_ affiliate: Int64) throws -> [Int64] {
        let rows = try connection.execute(
            """
            WITH RECURSIVE above (id, level) AS (
                SELECT parent_affiliate_id, 1 FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1
                UNION ALL
                SELECT a.parent_affiliate_id, b.level + 1 FROM above b JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = b.id
            ) SELECT id FROM above WHERE id IS NOT NULL ORDER BY level
            """, [.int(affiliate)])
        return try (0..<rows.rowCount).map { try rows.int($0, 0) }
    }

    private func compare(_ answer: Network, depth: Int) throws -> String? {
        let all = try levels(answer.affiliate_id)
        let expected = Array(all.prefix(depth))
        let found = answer.levels.sorted { $0.level < $1.level }.map(\.count)
        let isEqual =
            found == expected && answer.direct_referrals_count == all.first ?? 0 && answer.total_network_size == all.reduce(0, +)
        return isEqual
            ? nil
            : "the levels of \(answer.affiliate_id) are \(expected), \(all.reduce(0, +)) in all; answered were \(found), \(answer.total_network_size)"
    }

    private func compare(_ answer: Affiliate) throws -> String? {
        let all = try levels(answer.affiliate_id)
        let row = try connection.execute(
            "SELECT parent_affiliate_id, status FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1",
            [.int(answer.affiliate_id)])
        guard row.rowCount == 1 else { return "affiliate \(answer.affiliate_id) is not in PostgreSQL" }
        let isEqual =
            try answer.parent_affiliate_id == row.optionalInt(0, 0) && answer.status == row.text(0, 1)
            && answer.direct_referrals_count == all.first ?? 0 && answer.total_network_size == all.reduce(0, +)
        return isEqual ? nil : "affiliate \(answer.affiliate_id) differs from PostgreSQL's row or from the sums over sponsors"
    }
}
