/// Logarithm and exponential in plain IEEE arithmetic: the same bits on every machine, so that agents with different C libraries plan the
/// same times and choose the same affiliates. Within 4 units in the last place.
enum Exponential {
    // ln 2 in two parts; products of the first with whole numbers below 2^11 are exact (fdlibm, e_log.c).
    private static let ln2High = 0x1.62e42feep-1
    private static let ln2Low = 0x1.a39ef35793c76p-33

    /// The natural logarithm of a normal number above 0.
    static func log(_ x: Double) -> Double {
        // x = m · 2^e with m from √½ to √2, so that the series below is short.
        var exponent = Int(x.bitPattern >> 52) - 1023
        var m = Double(bitPattern: x.bitPattern & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
        if m > 1.4142135623730951 {
            m *= 0.5
            exponent += 1
        }
        // ln m = 2 artanh((m − 1) / (m + 1)), whose argument is at most 0.172.
        let f = (m - 1) / (m + 1)
        let s = f * f
        var sum = 1.0 / 21
        sum = sum * s + 1.0 / 19
        sum = sum * s + 1.0 / 17
        sum = sum * s + 1.0 / 15
        sum = sum * s + 1.0 / 13
        sum = sum * s + 1.0 / 11
        sum = sum * s + 1.0 / 9
        sum = sum * s + 1.0 / 7
        sum = sum * s + 1.0 / 5
        sum = sum * s + 1.0 / 3
        let k = Double(exponent)
        return k * ln2High + (2 * f + (2 * f * s * sum + k * ln2Low))
    }

    /// e to the power of `x`, for |x| up to 700.
    static func exp(_ x: Double) -> Double {
        // Adding and taking away 1.5 · 2^52 rounds to a whole number.
        let k = (x * 1.4426950408889634 + 0x1.8p52) - 0x1.8p52
        let r = (x - k * ln2High) - k * ln2Low
        // Taylor's series: |r| is at most 0.347.
        var sum = 1.0 / 6_227_020_800
        sum = sum * r + 1.0 / 479_001_600
        sum = sum * r + 1.0 / 39_916_800
        sum = sum * r + 1.0 / 3_628_800
        sum = sum * r + 1.0 / 362_880
        sum = sum * r + 1.0 / 40_320
        sum = sum * r + 1.0 / 5_040
        sum = sum * r + 1.0 / 720
        sum = sum * r + 1.0 / 120
        sum = sum * r + 1.0 / 24
        sum = sum * r + 1.0 / 6
        sum = sum * r + 0.5
        sum = sum * r + 1
        sum = sum * r + 1
        return sum * Double(bitPattern: UInt64(Int(k) + 1023) << 52)
    }
}
