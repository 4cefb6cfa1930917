import Core
import Frames
import PostgresClient

/// Questions for what others have committed, on their way to a pool of their own: no join, status or move of a subtree waits because a copy
/// follows, and nobody's answer waits for a copy that nobody waits for. Confined to the worker's event loop.
struct CatchUpLine {
    /// The most urgent first.
    enum Rank: Int {
        /// Somebody waits: a caller whose change came behind others or whose job stands behind it, a read, the end of a hand-off, a shard that is
        /// not served yet.
        case awaited
        /// Of a shard that is served.
        case served
        /// Of a copy that answers nobody.
        case followed
    }

    struct Question {
        let host: ShardHost
        /// A caller of the shard's present job waits for it.
        let isOfCaller: Bool
        let ask: @Sendable (PostgresConnection) throws -> WriteResult
        let done: (WriteResult) -> Void
    }

    /// Two connections, of which one is for those that somebody waits for.
    static let placesMax = [2, 1, 1]

    /// At most one of each copy, as each is busy with it.
    private var waiting: [Question] = []
    private var turns = ConnectionTurns(placesMax: placesMax)

    mutating func add(_ question: Question) { waiting.append(question) }

    /// The next question to ask now, whose turn ends with `ended`; nil while there is none, or no place for it.
    /// - Parameter rank: as it is now: a shard may have been taken up while its question waited.
    mutating func next(_ rank: (Question) -> Rank) -> (question: Question, rank: Rank)? {
        let ranks = waiting.map(rank)
        guard let first = ranks.indices.min(by: { (ranks[$0].rawValue, $0) < (ranks[$1].rawValue, $1) }),
            turns.hasPlace(for: ranks[first].rawValue)
        else { return nil }
        turns.begin(ranks[first].rawValue)
        return (waiting.remove(at: first), ranks[first])
    }

    mutating func ended(_ rank: Rank) { turns.end(rank.rawValue) }
}
