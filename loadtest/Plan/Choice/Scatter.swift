/// Random numbers that follow from a seed and a position: those of one request can be had again at any time, in any order.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014): SplitMix64.
package struct Scatter: Sendable {
    private var state: UInt64

    /// The golden ratio's share of 2^64, as the source steps.
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// - Parameter stream: tells apart what is drawn for different purposes at one position.
    package init(seed: UInt64, stream: UInt64 = 0, number: Int) {
        state = seed &* 0xD1B5_4A32_D192_ED03 &+ stream &* 0xA24B_AED4_963E_E407 &+ UInt64(bitPattern: Int64(number)) &* Self.step
        // Neighbours must not be shifted copies of each other.
        state = next()
    }

    package mutating func next() -> UInt64 {
        state &+= Self.step
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 up to, not including, `bound`, which is at least 1.
    package mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// More than 0, at most 1, in steps of 2^-53.
    package mutating func share() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }
}
