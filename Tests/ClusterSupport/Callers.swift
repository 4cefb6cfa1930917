import Foundation
import Synchronization

/// Callers on threads of their own, each doing its work again and again until told to stop.
package final class Callers: Sendable {
    private let isStopped = Atomic<Bool>(false)
    private let failures = Mutex<[String]>([])
    private let group = DispatchGroup()
    private static let failuresMax = 20

    package init() {}

    /// - Parameter work: called with the number of the round, from 0, until `stop`. What it throws is kept and ends this caller.
    package func add(_ name: String, _ work: @escaping @Sendable (Int) throws -> Void) {
        group.enter()
        Thread.detachNewThread { [self] in
            defer { group.leave() }
            var round = 0
            do {
                while !isStopped.load(ordering: .relaxed) {
                    try work(round)
                    round += 1
                }
            } catch {
                fail("\(name), round \(round): \(error)")
            }
        }
    }

    package func fail(_ what: String) { failures.withLock { if $0.count < Self.failuresMax { $0.append(what) } } }

    /// Ends all callers after their present round, and returns what went wrong.
    package func stop() -> [String] {
        isStopped.store(true, ordering: .relaxed)
        group.wait()
        return failures.withLock { $0 }
    }
}

/// Holds what belongs to one thread at a time, for callers that are created on one thread and used on another.
package final class Held<Value>: @unchecked Sendable {
    package var value: Value
    package init(_ value: Value) { self.value = value }
}

/// Counts answers by what they were, and keeps the slowest of each.
package final class Tally: Sendable {
    private let counts = Mutex<[String: (count: Int, slowest: Double)]>([:])

    package init() {}

    package func note(_ kind: String, _ milliseconds: Double = 0) {
        counts.withLock { counts in
            let known = counts[kind] ?? (0, 0)
            counts[kind] = (known.count + 1, max(known.slowest, milliseconds))
        }
    }

    /// By status, and for problems by type.
    package func note(_ answer: HTTPAnswer) { note(Self.kind(answer), answer.milliseconds) }

    package static func kind(_ answer: HTTPAnswer) -> String {
        guard answer.status >= 400, let problem = try? answer.decode(ProblemAnswer.self) else { return "\(answer.status)" }
        return "\(answer.status) \(problem.type.dropFirst("/problems/".count))"
    }

    package subscript(kind: String) -> Int { counts.withLock { $0[kind]?.count ?? 0 } }
    package var kinds: Set<String> { counts.withLock { Set($0.keys) } }
    package func slowest(_ kind: String) -> Double { counts.withLock { $0[kind]?.slowest ?? 0 } }
    package var summary: String {
        counts.withLock { counts in
            counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.count) (≤ \(Int($0.value.slowest.rounded(.up))) ms)" }
                .joined(separator: ", ")
        }
    }
}

extension Thread {
    /// Lets callers work for so long.
    package static func sleep(seconds: Double) { sleep(forTimeInterval: seconds) }
}
