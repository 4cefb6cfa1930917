import LoadPlan
import LoadRecord

/// Whether the generator was fit to measure: see `docs/design/loadtest.md`, Validity.
enum RunValidity {
    /// A clock that moved by more than this against the other while the run lasted has jumped, microseconds.
    static let clockJumpMicroseconds: Int64 = 500_000

    /// - Parameters:
    ///   - slipP99: over all operations, microseconds.
    ///   - clockShift: by how much the time of day moved against the monotonic clock in the run, microseconds.
    static func reasons(_ limits: GeneratorLimits, slipP99: UInt64, cpuShare: Double, clockShift: Int64) -> [String] {
        var reasons: [String] = []
        if slipP99 > UInt64(max(0, limits.slipP99Microseconds)) {
            reasons.append(
                "slip p99 \(slipP99) µs is over its limit of \(limits.slipP99Microseconds) µs: requests left late, so the load was not the planned one; "
                    + "use a lower rate, more agents, or leave the generator a core of its own")
        }
        if cpuShare > limits.cpuShare {
            reasons.append(
                "the sending thread used \(percent(cpuShare)) of a core, over its limit of \(percent(limits.cpuShare)): "
                    + "the generator may have been the bottleneck; use a lower rate or more agents")
        }
        if clockShift.magnitude > UInt64(clockJumpMicroseconds) {
            reasons.append("the clock jumped by \(clockShift / 1000) ms while the run lasted; run it again with a steady clock")
        }
        return reasons
    }

    private static func percent(_ share: Double) -> String {
        let permille = Int((share * 1000).rounded())
        return "\(permille / 10).\(permille % 10)%"
    }
}
