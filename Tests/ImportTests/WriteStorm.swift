import Foundation
import PostgresClient
import Synchronization

/// Joins and moves without a pause below the roots 1 to 64, as workers that own every shard as instance 1 with epoch 1.
final class WriteStorm: Sendable {
    private let url: String
    private let isOver = Mutex(false)

    init(url: String) { self.url = url }

    private let results = Mutex<[Result<Int64, any Error>]>([])
    private let begun = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Begins on threads of their own, as tests block those of Swift's tasks; returns when each has written once or failed.
    func start(writers: Int64) {
        for writer in 1...writers {
            Thread.detachNewThread { [self] in
                let result = Result { try write(from: writer * 1_000_000) }
                results.withLock { $0.append(result) }
                begun.signal()
                ended.signal()
            }
        }
        for _ in 0..<writers { begun.wait() }
    }

    /// - Returns: how many joined.
    func end(writers: Int64) throws -> Int64 {
        isOver.withLock { $0 = true }
        for _ in 0..<writers { ended.wait() }
        return try results.withLock { try $0.reduce(0) { try $0 + $1.get() } }
    }

    /// Writes until `end`, with ids from `firstID` on.
    /// - Returns: how many joined.
    private func write(from firstID: Int64) throws -> Int64 {
        let connection = try PostgresConnection(PostgresConfiguration(url: url, applicationName: "storm"))
        var joined: Int64 = 0
        var number: Int64 = 0
        while !isOver.withLock({ $0 }) {
            number += 1
            let id = firstID + number
            let outcome = try connection.execute(
                """
                SELECT (fature_v2.join_affiliate(shard_id, 1, 1, affiliate_id, $2, 'S' || $2, NULL, 'N', NULL, NULL, NULL, 'standard',
                    'active', now(), 'test', NULL)).outcome FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1
                """, [.int(number % 64 + 1), .int(id)]
            ).text(0, 0)
            if outcome == "joined" { joined += 1 }
            if number == 1 { begun.signal() }
            guard number.isMultiple(of: 5) else { continue }
            _ = try connection.execute(
                """
                SELECT (fature_v2.move_affiliate(shard_id, 1, 1, affiliate_id, $2, 'r', 'test', NULL)).outcome
                FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1
                """, [.int(id), .int(number * 7 % 64 + 1)])
        }
        return joined
    }
}
