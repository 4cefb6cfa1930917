/// A network with the programme's shape: one root with a third of everyone, five wide fan-outs, many small trees.
///
/// `parents[i]` is the index of the sponsor of affiliate `i`, or -1 for a root; `ids` are spread like grown ids. The same seed makes
/// the same network.
struct MissionNetwork {
    static let affiliates = 532_363
    static let roots = 21_400
    static let fanOuts = [14_289, 9_120, 8_837, 8_648, 8_011]

    private(set) var parents: [Int32] = []
    private(set) var ids: [Int64] = []
    /// The index of the affiliate with the widest fan-out.
    let widest: Int

    init(affiliates: Int = MissionNetwork.affiliates, seed: UInt64 = 1) {
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let scale = max(affiliates / Self.affiliates, 1)
        let roots = min(Self.roots * scale, affiliates)
        parents = [Int32](repeating: -1, count: roots)
        parents.reserveCapacity(affiliates)
        // The first root is the giant; it and four of its direct referrals are the wide ones.
        widest = 0
        var wide = [0]
        for (i, fanOut) in Self.fanOuts.enumerated() {
            let sponsor = wide[i]
            for _ in 0..<fanOut * scale where parents.count < affiliates {
                if wide.count < Self.fanOuts.count { wide.append(parents.count) }
                parents.append(Int32(sponsor))
            }
        }
        var inGiant = parents.indices.filter { $0 == 0 || parents[$0] >= 0 }
        let giantMax = affiliates / 3
        var others = Array(1..<roots)
        while parents.count < affiliates {
            // Half below someone early in the list keeps the mean depth near three.
            let grown = parents.count
            if inGiant.count < giantMax {
                parents.append(Int32(inGiant[1 + random(random(2) == 0 ? inGiant.count - 1 : (inGiant.count - 1) / 8 + 1)]))
                inGiant.append(grown)
            } else {
                parents.append(Int32(others[random(random(4) == 0 ? others.count : roots - 1)]))
                others.append(grown)
            }
        }
        // Ids grow with the time of joining, with gaps, as a sequence shared with other tables does.
        var id: Int64 = 1_000
        ids.reserveCapacity(affiliates)
        for _ in 0..<affiliates {
            id += Int64(1 + random(40))
            ids.append(id)
        }
    }
}
