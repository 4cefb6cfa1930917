import Core

/// An operation made ready: what to do, and where its words stand among all operations' words.
struct RequestTemplate: Sendable {
    /// Without any text, so that looking at it counts no references.
    enum Kind: Sendable {
        /// GET of an affiliate's path with `words` behind its number.
        case affiliate
        /// GET of `words`.
        case path
        case join
        case move
        case transactions
    }

    var kind: Kind
    var words: Range<Int>
    var batch = 0
    var betsPercent = 0
    /// Of 2^64 draws those below this one, and not below that of the operation before, choose the operation.
    var drawsBelow: UInt64

    /// All operations made ready; their words are appended to `words`.
    static func templates(of operations: [WeightedOperation], words: ByteBuilder) -> [RequestTemplate] {
        let whole = operations.reduce(0) { $0 + max($1.weight, 0) }
        var sum = 0.0
        var templates = operations.map { weighted in
            let begin = words.count
            var template = RequestTemplate(kind: .affiliate, words: 0..<0, drawsBelow: 0)
            switch weighted.operation {
            case .network(let depth, let limit): words.append("/network?depth=\(depth)&limit=\(limit)")
            case .upline: words.append("/upline")
            case .affiliate: break
            case .rankings(let metric, let limit):
                template.kind = .path
                words.append("/api/v2/rankings?metric=\(metric)&limit=\(limit)")
            case .path(let path):
                template.kind = .path
                words.append(path)
            case .join: template.kind = .join
            case .move: template.kind = .move
            case .transactions(let batch, let betsPercent):
                template.kind = .transactions
                template.batch = max(batch, 1)
                template.betsPercent = betsPercent
            }
            template.words = begin..<words.count
            sum += max(weighted.weight, 0)
            let share = whole > 0 ? sum / whole : 1
            template.drawsBelow = share >= 1 ? .max : UInt64(share * 0x1p64)
            return template
        }
        // Sums of shares end a little beside 1.
        if let last = operations.lastIndex(where: { $0.weight > 0 }) { templates[last].drawsBelow = .max }
        return templates
    }
}
