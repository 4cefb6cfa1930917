import Core
import Ownership

/// Plays a text to one `ShardDuty` and writes down what it wants done, line by line.
///
/// A line is an event; what follows with `>` is what the duty answered. The worker is instance 1. `as source` and `as target` say on which side of
/// move 7 it is; the other side is instance 2, and the source's epoch is 5. Times are milliseconds.
struct DutyTranscript {
    private var duty = ShardDuty(ShardID(3), of: WorkerInstanceID(1))
    private var isSource = true
    private var now: MonotonicNanoseconds = 1_000_000_000

    /// The text as it should be: its events with the answers that the duty gives.
    static func played(_ text: String) -> String {
        var transcript = DutyTranscript()
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) where !line.hasPrefix(">") {
            lines.append(String(line))
            let words = line.split(separator: " ").map(String.init)
            guard !line.hasPrefix("#"), !words.isEmpty else { continue }
            lines += transcript.play(words).map { "> " + $0 }
        }
        return lines.joined(separator: "\n")
    }

    private mutating func play(_ words: [String]) -> [String] {
        let number = { (index: Int) in Int64(words[index]) ?? -1 }
        let actions: [ShardDuty.Action]
        switch words[0] {
        case "as":
            isSource = words[1] == "source"
            return []
        case "wait":
            now += UInt64(number(1)) * 1_000_000
            actions = duty.tick(now: now)
        case "owner":
            let owner = words[1] == "nobody" ? nil : WorkerInstanceID(number(1))
            actions = duty.topology(owner: owner, epoch: Epoch(number(3)), now: now)
        case "loaded": actions = duty.loaded(at: number(2), of: duty.generation, now: now)
        case "loaded-earlier": actions = duty.loaded(at: number(2), of: duty.generation - 1, now: now)
        case "gone":
            // `gone owner 2 at 6`: the row is not there, and that is whose the shard was after.
            let owner = words[2] == "nobody" ? nil : WorkerInstanceID(number(2))
            actions = duty.moveGone(MoveID(7), owner: owner, epoch: Epoch(number(4)), now: now)
        case "load-failed": actions = duty.loadFailed(now: now)
        case "followed":
            actions = duty.followed(to: number(2), of: number(2), generation: duty.generation, now: now)
        case "followed-earlier":
            actions = duty.followed(to: number(2), of: number(2), generation: duty.generation - 1, now: now)
        case "copy-lost": actions = duty.copyLost(now: now)
        case "measured": actions = duty.measured(seal(words[2], words[4]), now: now)
        case "wide-ended": actions = duty.wideEnded(now: now)
        case "row": actions = duty.seen(move(words.dropFirst()), now: now)
        case "answer": actions = answer(words)
        case "lease-lost": actions = duty.leaseLost()
        case "ask": return ["read: \(duty.read()), write: \(duty.write()), wide: \(duty.write(isWide: true))"]
        default: return ["not understood"]
        }
        return actions.isEmpty ? ["nothing"] : actions.map { "\($0)" }.map(Self.plain)
    }

    /// `answer seal 12 a applied sealed 12 a`, `answer commit unknown`.
    private mutating func answer(_ words: [String]) -> [ShardDuty.Action] {
        var rest = words.dropFirst(2)
        let write: MoveWrite
        switch words[1] {
        case "ready": write = .ready
        case "seal": write = .seal(seal(rest.removeFirst(), rest.removeFirst()))
        case "confirm": write = .confirm(seal(rest.removeFirst(), rest.removeFirst()))
        case "commit": write = .commit
        default: write = .abort(AbortReason(rawValue: rest.removeFirst()) ?? .operator)
        }
        let outcome: MoveWriteOutcome =
            switch rest.removeFirst() {
            case "applied": .applied(move(rest))
            case "refused": .refused(move(rest))
            case "fenced": .fenced
            case "target-gone": .targetGone
            case "failed": .failed
            default: .unknown
            }
        return duty.answered(MoveID(7), write, outcome, now: now)
    }

    /// `preparing`, `ready`, `sealed 12 a`, `confirmed 12 a`, `committed 12 a at 13`, `aborted REASON`.
    private func move(_ words: ArraySlice<String>) -> ShardMove {
        let words = Array(words)
        let stage: ShardMove.Stage =
            switch words[0] {
            case "preparing": .preparing
            case "ready": .ready
            case "sealed": .sealed(seal(words[1], words[2]))
            case "confirmed": .confirmed(seal(words[1], words[2]))
            case "committed": .committed(seal(words[1], words[2]), at: Int64(words[4]) ?? -1)
            default: .aborted(AbortReason(rawValue: words[1]) ?? .operator, warm: true)
            }
        let me = WorkerInstanceID(1)
        let other = WorkerInstanceID(2)
        return ShardMove(
            id: MoveID(7), shard: ShardID(3), source: isSource ? me : other, target: isSource ? other : me, fromEpoch: Epoch(5),
            stage: stage)
    }

    private func seal(_ sequence: String, _ checksum: String) -> Seal {
        Seal(finalSequence: Int64(sequence) ?? -1, checksum: UInt64(checksum, radix: 16) ?? 0)
    }

    /// Swift's description of a value without the names of our modules and types.
    private static func plain(_ text: String) -> String {
        var text = text
        for name in ["Ownership.", "MoveWrite.", "AbortReason.", "ShardDuty."] {
            while let range = text.firstRange(of: name) { text.removeSubrange(range) }
        }
        return text
    }
}
