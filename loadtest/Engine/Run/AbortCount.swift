import Synchronization

/// How often a run was asked to end: looked at by the sending thread in every turn.
final class AbortCount: Sendable {
    private let count = Atomic<Int>(0)

    func add() { count.add(1, ordering: .relaxed) }

    var order: StopOrder {
        switch count.load(ordering: .relaxed) {
        case 0: .none
        case 1: .drain
        default: .now
        }
    }
}
