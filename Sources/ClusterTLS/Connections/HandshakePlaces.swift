import Synchronization

/// Places for handshakes that are not done: bounded, and not to be kept by strangers.
///
/// When all are taken, a new connection gets the oldest one of the host that has most of them. So one host that keeps its handshakes
/// open pushes out itself.
package final class HandshakePlaces: Sendable {
    private struct Place {
        let host: String
        let evict: @Sendable () -> Void
    }

    private struct State {
        var places: [UInt64: Place] = [:]
        var lastNumber: UInt64 = 0
    }

    /// Handshakes at once.
    package static let countMax = 128

    private let countMax: Int
    private let state = Mutex(State())

    package init(countMax: Int = countMax) { self.countMax = countMax }

    /// - Parameters:
    ///   - host: whose handshake it is.
    ///   - evict: called from any thread when the place goes to another.
    /// - Returns: the place's number, for `leave`.
    func enter(host: String, evict: @escaping @Sendable () -> Void) -> UInt64 {
        let (number, evicted) = state.withLock { state in
            let evicted = state.places.count >= countMax ? Self.removeOldestOfBusiest(&state.places) : nil
            state.lastNumber += 1
            state.places[state.lastNumber] = Place(host: host, evict: evict)
            return (state.lastNumber, evicted)
        }
        evicted?()
        return number
    }

    func leave(_ number: UInt64) { state.withLock { _ = $0.places.removeValue(forKey: number) } }

    var count: Int { state.withLock { $0.places.count } }

    private static func removeOldestOfBusiest(_ places: inout [UInt64: Place]) -> (@Sendable () -> Void)? {
        var counts: [String: Int] = [:]
        for place in places.values { counts[place.host, default: 0] += 1 }
        let most = counts.values.max()
        // Numbers rise, so the smallest is the oldest.
        guard let victim = places.filter({ counts[$0.value.host] == most }).keys.min() else { return nil }
        return places.removeValue(forKey: victim)?.evict
    }
}
