/// Times work and prints one line for each thing measured.
struct Table {
    private static let clock = ContinuousClock()

    init(_ title: String) { print("\n\(title)") }

    /// Runs `body` several times and shows the fastest, in total and for each of `count` operations.
    func line(_ what: String, count: Int = 1, runs: Int = 5, _ body: () throws -> Void) rethrows {
        var best = Duration.seconds(3_600)
        for _ in 0..<runs { best = min(best, try Self.clock.measure(body)) }
        show(what, count == 1 ? Self.text(best) : "\(Self.text(best / count)) each")
    }

    func show(_ what: String, _ value: String) {
        print("  " + what + String(repeating: " ", count: max(56 - what.count, 1)) + value)
    }

    static func text(_ duration: Duration) -> String {
        let nanoseconds = Double(duration.components.seconds) * 1e9 + Double(duration.components.attoseconds) / 1e9
        switch nanoseconds {
        case ..<1_000: return "\(rounded(nanoseconds)) ns"
        case ..<1_000_000: return "\(rounded(nanoseconds / 1_000)) µs"
        case ..<1_000_000_000: return "\(rounded(nanoseconds / 1_000_000)) ms"
        default: return "\(rounded(nanoseconds / 1_000_000_000)) s"
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
