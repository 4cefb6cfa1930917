/// The programme's published figures, which profile `fature` has exactly.
package enum FatureFigures {
    package static let affiliates = 532_363
    package static let roots = 21_400
    package static let links = 510_963
    /// (ancestor, descendant) pairs: the rows of the closure table.
    package static let pairs = 1_507_499
    package static let levels = 12

    /// The widest affiliates: id and number of direct referrals. Nobody else has more than the last of them.
    package static let widest: [(id: Int64, directReferrals: Int)] = [
        (13_369_082, 14_289), (13_887_998, 9_120), (13_809_817, 8_837), (14_904_800, 8_648), (14_452_454, 8_011),
    ]

    /// How many stand at each distance below the one root that has a third of everyone (13369082).
    static let largeTree = [1, 14_289, 33_000, 42_000, 36_000, 24_000, 14_000, 7_500, 3_800, 1_700, 800, 364]
    /// How many stand at each distance below all the other roots together.
    ///
    /// With `largeTree`: 532,363 in all, and the distances add up to 1,507,499.
    static let otherTrees = [21_399, 119_594, 73_406, 62_000, 38_000, 20_000, 11_000, 5_500, 2_500, 1_000, 510]

    /// Direct referrals that an affiliate outside the list of the wide ones has at most.
    static let ordinaryDirectReferralsMax: Int32 = 1_300

    static let idFirst: Int64 = 10_000_007
    /// Ids are at least 2 and at most 20 apart, 11 on average, so the last one is below 16,000,000.
    static let idGap = 2...20

    /// 2019-01-01 and 2025-01-01, in seconds since 1970: everyone registered between them, later than the sponsor.
    static let registrationFirst: Int64 = 1_546_300_800
    static let registrationEnd: Int64 = 1_735_689_600
}
