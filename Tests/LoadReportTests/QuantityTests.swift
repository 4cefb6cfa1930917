import LoadRecord
import Testing

@Test(
    "times have three digits and the unit that suits them",
    arguments: [
        (0, "0 µs"), (850, "850 µs"), (999.6, "1.00 ms"), (8432, "8.43 ms"), (99_960, "100 ms"), (1_204_000, "1.20 s"),
        (3_700_000_000, "1 h 1 min 40 s"),
    ] as [(Double, String)])
func times(microseconds: Double, text: String) {
    #expect(Quantity.time(microseconds: microseconds) == text)
}

@Test("counts, shares and decimals are rounded and never hide that there is something")
func numbers() {
    #expect(Quantity.count(-1_234_567) == "-1,234,567")
    #expect(Quantity.share(0.000021) == "0.0021%")
    #expect(Quantity.share(1e-9) == "< 0.0001%")
    #expect(Quantity.share(0.999999) == "> 99.99%")
    #expect(Quantity.decimal(0.125, places: 2) == "0.13")
    #expect(Quantity.decimal(-0.001, places: 2) == "0.00")
    #expect(Quantity.decimal(.nan, places: 2) == "–")
    #expect(Quantity.plain(99.999, places: 3) == "99.999")
    #expect(Quantity.bytes(1_536_000) == "1.54 MB")
    #expect(Quantity.rate(49_999.6) == "50,000/s")
}
