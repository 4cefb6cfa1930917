/// Whose turn it is at a few connections, where what is urgent must not wait for what is not.
///
/// Work has a rank, 0 the most urgent. Of each rank together with those behind it only so many go on at a time: the places that are left are for
/// whoever comes before them. Pure.
struct ConnectionTurns {
    /// By rank: how many of it and of the ranks behind it may go on at a time.
    private let placesMax: [Int]
    /// By rank, as it was when it began.
    private var goingOn: [Int]

    /// - Parameter placesMax: by rank; none more than the one before.
    init(placesMax: [Int]) {
        self.placesMax = placesMax
        goingOn = Array(repeating: 0, count: placesMax.count)
    }

    /// So many connections can be in use.
    var connections: Int { placesMax[0] }

    func hasPlace(for rank: Int) -> Bool {
        (0...rank).allSatisfy { first in goingOn[first...].reduce(0, +) < placesMax[first] }
    }

    mutating func begin(_ rank: Int) { goingOn[rank] += 1 }
    mutating func end(_ rank: Int) { goingOn[rank] -= 1 }
}
