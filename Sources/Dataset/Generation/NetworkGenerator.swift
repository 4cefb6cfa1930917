import Core

/// Makes a network of affiliates: the same profile, size and seed give the same bytes on every machine.
package struct NetworkGenerator: Sendable {
    package let profile: NetworkProfile
    package let affiliates: Int
    package let seed: UInt64

    /// Positions are 32-bit numbers, and the shape of this many needs 800 MB.
    package static let affiliatesMax = 100_000_000

    /// - Parameter affiliates: how many, from 1 to `affiliatesMax`; nil or 532,363 for profile `fature`, which has a size of its own.
    package init(profile: NetworkProfile, affiliates: Int?, seed: UInt64) throws(GeneratorError) {
        switch (profile, affiliates) {
        case (.fature, nil), (.fature, FatureFigures.affiliates):
            self.affiliates = FatureFigures.affiliates
        case (.fature, .some(let count)):
            throw GeneratorError(
                code: .fixedSize,
                description: "profile fature has exactly \(FatureFigures.affiliates) affiliates, not \(count): "
                    + "leave the number out, or choose chain, star, skew or uniform")
        case (_, nil):
            throw GeneratorError(
                code: .sizeMissing,
                description:
                    "profile \(profile.rawValue) has no size of its own: say how many affiliates (1 to \(Self.affiliatesMax))")
        case (_, .some(let count)):
            guard (1...Self.affiliatesMax).contains(count) else {
                throw GeneratorError(
                    code: .sizeOutOfRange,
                    description: "\(count) affiliates cannot be generated: choose a number from 1 to \(Self.affiliatesMax)")
            }
            self.affiliates = count
        }
        self.profile = profile
        self.seed = seed
    }

    /// Calls `onRow` once for each affiliate, ids ascending. A sponsor may come after its referrals.
    package func forEach<E: Error>(_ onRow: (GeneratedAffiliate) throws(E) -> Void) throws(E) {
        let shape = makeShape()
        for position in 0..<affiliates {
            let id = shape.id(at: position)
            let parent = shape.parents[position]
            let bits = RandomStream.hash(seed: seed, key: UInt64(id))
            try onRow(
                GeneratedAffiliate(
                    id: AffiliateID(id), parent: parent < 0 ? nil : AffiliateID(shape.id(at: Int(parent))),
                    status: status(id: id, bits: bits),
                    registrationSeconds: shape.registrations.map { Int64($0[position]) } ?? registration(at: position),
                    directReferrals: Int(shape.directReferrals[position]), bits: bits))
        }
    }

    private func makeShape() -> NetworkShape {
        var random = RandomStream(seed: seed)
        return switch profile {
        case .fature: FatureShape.make(random)
        case .chain: NetworkShape.chain(affiliates)
        case .star: NetworkShape.star(affiliates)
        case .skew: NetworkShape.skew(affiliates, &random)
        case .uniform: NetworkShape.uniform(affiliates, &random)
        }
    }

    /// 90% active, 7% inactive, 2% suspended, 1% banned; the published affiliates are active.
    private func status(id: Int64, bits: UInt64) -> AffiliateStatus {
        if profile == .fature, FatureFigures.widest.contains(where: { $0.id == id }) { return .active }
        switch (bits >> 8) % 100 {
        case 0..<90: return .active
        case 90..<97: return .inactive
        case 97..<99: return .suspended
        default: return .banned
        }
    }

    /// Spread evenly over the years, in the order of the ids.
    private func registration(at position: Int) -> Int64 {
        let span = FatureFigures.registrationEnd - FatureFigures.registrationFirst
        return FatureFigures.registrationFirst + Int64(position) * span / Int64(affiliates)
    }
}
