/// Random numbers that are the same on every machine: xoshiro256**, seeded through splitmix64 (Blackman and Vigna, public domain).
///
/// Integers only: a floating-point library may round differently elsewhere, and a data set must not.
package struct RandomStream: Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    package init(seed: UInt64) {
        var state = seed
        s0 = RandomStream.splitmix(&state)
        s1 = RandomStream.splitmix(&state)
        s2 = RandomStream.splitmix(&state)
        s3 = RandomStream.splitmix(&state)
    }

    package mutating func next() -> UInt64 {
        let result = rotate(s1 &* 5, 7) &* 9
        let t = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = rotate(s3, 45)
        return result
    }

    /// A number in `0 ..< bound`; 0 when `bound` is not positive. Its bias is below `bound / 2^64`.
    package mutating func below(_ bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number in `0 ..< bound` with density falling like the inverse of the cube root squared: most are near 0, as in every
    /// programme where a few recruit most of the others.
    package mutating func skewedBelow(_ bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        let u = next()
        let squared = u.multipliedFullWidth(by: u).high
        let cubed = squared.multipliedFullWidth(by: u).high
        return Int(cubed.multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number that depends on `seed` and `key` alone, in no stream.
    package static func hash(seed: UInt64, key: UInt64) -> UInt64 {
        var state = seed &+ key &* 0x9E37_79B9_7F4A_7C15
        _ = splitmix(&state)
        return splitmix(&state)
    }

    private static func splitmix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
}
