import Foundation
import Testing

/// The ledger with its processes killed, stopped and starved: whatever happens, each accepted transaction is paid exactly once, to the cent.
///
/// `FATURE_CHAOS_SEED` repeats a run, as far as processes let themselves be repeated; `FATURE_CHAOS_ROUNDS` makes it longer.
@Suite(.serialized) struct LedgerTests {}

enum Chaos {
    /// Of this run, printed by each test.
    static let seed: UInt64 = setting("FATURE_CHAOS_SEED") ?? .random(in: 0..<1_000_000)
    /// How often what is done to the cluster is done to it.
    static let rounds = Int(clamping: setting("FATURE_CHAOS_ROUNDS") ?? 1)

    private static func setting(_ name: String) -> UInt64? { ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } }

    /// The seed of one test, which does not depend on which others run.
    static func seed(_ test: StaticString) -> UInt64 {
        var mixed = seed
        for byte in test.description.utf8 { mixed = mixed &* 31 &+ UInt64(byte) }
        print("\(test): FATURE_CHAOS_SEED=\(seed)")
        return mixed
    }
}
