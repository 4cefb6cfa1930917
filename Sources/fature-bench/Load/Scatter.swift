/// Random numbers that follow from a seed and a position: the same number of a sequence can be had again at any time, in any order.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (SplitMix64).
struct Scatter {
    private var state: UInt64

    init(seed: UInt64, number: Int) {
        state = seed &* 0xD1B5_4A32_D192_ED03 &+ UInt64(bitPattern: Int64(number)) &* 0x9E37_79B9_7F4A_7C15
        // Neighbours must not be shifted copies of each other.
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 up to, not including, `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }
}
