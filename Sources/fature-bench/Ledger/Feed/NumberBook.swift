/// The numbers of all transactions of a run, and which of them the cluster has said it accepted.
final class NumberBook {
    private(set) var isAccepted: [Bool] = []
    private(set) var acceptedCount = 0

    /// How many numbers have been given out; the next one's value.
    var count: Int { isAccepted.count }

    func take(_ wanted: Int) -> [Int] {
        let first = isAccepted.count
        isAccepted.append(contentsOf: repeatElement(false, count: wanted))
        return Array(first..<first + wanted)
    }

    /// False when it had been accepted before.
    @discardableResult func accept(_ number: Int) -> Bool {
        guard !isAccepted[number] else { return false }
        isAccepted[number] = true
        acceptedCount += 1
        return true
    }
}
