/// The flags of `fature-bench torture`.
struct TortureOptions {
    static let usage = "torture [--transactions N] [--every SECONDS] [--seed N]"

    var transactions = 1_000_000
    /// Between two mishaps, on average.
    var everySeconds = 3
    /// Of the transactions and of the mishaps.
    var seed: UInt64 = .random(in: 0..<1_000_000)

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst().flatMap(Int.init), value > 0 else {
                throw UsageError(description: "\(flag) takes a number above 0\n\(Self.usage)")
            }
            switch flag {
            case "--transactions": transactions = value
            case "--every": everySeconds = value
            case "--seed": seed = UInt64(value)
            default: throw UsageError(description: "unknown flag \(flag)\n\(Self.usage)")
            }
        }
    }
}
