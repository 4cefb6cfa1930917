import Core
import Store
import Synchronization

@testable import Worker

/// Pays nothing, and lets go of shards when the test says so.
final class PretendedPayments: Paying {
    private struct State {
        var ownership = OwnedShards.Ownership()
        var letsGo = true
        var questions = 0
    }

    private let state = Mutex(State())

    /// What the worker has said last.
    var ownership: OwnedShards.Ownership { state.withLock { $0.ownership } }
    /// How often it was asked whether a shard has been let go of.
    var questions: Int { state.withLock { $0.questions } }

    func letGo(_ letsGo: Bool) { state.withLock { $0.letsGo = letsGo } }

    func setOwnership(_ ownership: OwnedShards.Ownership) { state.withLock { $0.ownership = ownership } }

    func hasLetGo(of shard: ShardID) -> Bool {
        state.withLock { state in
            state.questions += 1
            return state.letsGo
        }
    }

    func accepted(_ orders: [CommissionPayment.Order]) {}
}
