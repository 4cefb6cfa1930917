import Core
import Testing

@testable import Dataset

@Suite("Generated networks")
struct NetworkGeneratorTests {
    /// FNV-1a over the whole CSV.
    private func csvHash(_ generator: NetworkGenerator) -> UInt64 {
        var csv = GeneratedCSV()
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func flush() {
            for byte in csv.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            csv.removeAll()
        }
        csv.appendHeader()
        generator.forEach {
            csv.append($0)
            flush()
        }
        return hash
    }

    @Test("profile fature has the programme's figures, to the last pair")
    func fatureFigures() throws {
        let generator = try NetworkGenerator(profile: .fature, affiliates: nil, seed: 1)
        var parents: [Int64: Int64] = [:]
        parents.reserveCapacity(FatureFigures.affiliates)
        var directs: [Int64: Int] = [:]
        var told: [Int64: Int] = [:]
        var dates: [Int64: Int64] = [:]
        var active = 0
        var last: Int64 = 0
        var fold: UInt64 = 0xCBF2_9CE4_8422_2325
        generator.forEach { row in
            for word in [row.id.rawValue, row.parent?.rawValue ?? 0, row.registrationSeconds, Int64(bitPattern: row.bits)] {
                fold = (fold ^ UInt64(bitPattern: word)) &* 0x100_0000_01B3
            }
            #expect(row.id.rawValue > last)
            last = row.id.rawValue
            parents[row.id.rawValue] = row.parent?.rawValue ?? 0
            dates[row.id.rawValue] = row.registrationSeconds
            if let parent = row.parent { directs[parent.rawValue, default: 0] += 1 }
            if row.directReferrals > 0 { told[row.id.rawValue] = row.directReferrals }
            if row.status == .active { active += 1 }
        }
        #expect(fold == 3_538_335_700_386_312_546, "the demonstration network is the same everywhere")
        #expect(parents.count == 532_363)
        #expect(parents.values.count { $0 == 0 } == 21_400)
        #expect(parents.keys.allSatisfy { (10_000_000...16_000_000).contains($0) })
        #expect(told == directs)
        let widest = directs.sorted { $0.value > $1.value }.prefix(6)
        #expect(widest.prefix(5).map(\.key) == [13_369_082, 13_887_998, 13_809_817, 14_904_800, 14_452_454])
        #expect(widest.prefix(5).map(\.value) == [14_289, 9_120, 8_837, 8_648, 8_011])
        #expect(widest[5].value <= 8_011)
        #expect((0.89...0.91).contains(Double(active) / 532_363))

        var distances: [Int64: Int] = [:]
        var treeSizes: [Int64: Int] = [:]
        var pairs = 0
        var deepest = 0
        for id in parents.keys {
            var distance = 0
            var root = id
            while let parent = parents[root], parent != 0 {
                distance += 1
                root = parent
                if distance > 100 { break }
            }
            distances[id] = distance
            treeSizes[root, default: 0] += 1
            pairs += distance
            deepest = max(deepest, distance + 1)
        }
        #expect(treeSizes.count == 21_400)
        #expect(pairs == 1_507_499)
        #expect(deepest == 12)
        let largest = treeSizes.sorted { $0.value > $1.value }.prefix(2)
        #expect(largest[0].key == 13_369_082)
        #expect((0.32...0.35).contains(Double(largest[0].value) / 532_363))
        #expect(largest[1].value < 60_000, "there is one such root only")
        #expect(treeSizes.values.count { $0 <= 10 } > 10_000)
        for (id, parent) in parents where parent != 0 {
            let own = try #require(dates[id])
            let sponsors = try #require(dates[parent])
            if own <= sponsors {
                Issue.record("\(id) registered before its sponsor \(parent)")
                break
            }
        }
    }

    @Test(
        "the same profile, size and seed give the same bytes, here as on every other machine",
        arguments: [
            (NetworkProfile.chain, 1_000, 17_946_396_989_857_370_870),
            (.star, 1_000, 2_306_789_274_099_501_289),
            (.skew, 10_000, 6_427_219_459_418_740_137), (.uniform, 10_000, 11_042_263_552_136_552_044),
        ] as [(NetworkProfile, Int, UInt64)])
    func golden(profile: NetworkProfile, affiliates: Int, expected: UInt64) throws {
        let generator = try NetworkGenerator(profile: profile, affiliates: affiliates, seed: 42)
        #expect(csvHash(generator) == expected)
        #expect(csvHash(try NetworkGenerator(profile: profile, affiliates: affiliates, seed: 43)) != expected)
    }

    @Test("the numbers under a seed are those of the published xoshiro256** and splitmix64")
    func randomStream() {
        // splitmix64 from seed 0 begins e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f, f88bb8a8724c81ec.
        var stream = RandomStream(seed: 0)
        #expect(stream.next() == 0x99EC_5F36_CB75_F2B4)
        #expect(stream.next() == 0xBF6E_1F78_4956_452A)
        #expect(stream.next() == 0x1A5F_849D_4933_E6E0)
    }

    @Test("a chain, a star, a skewed and a uniform network have their shape", arguments: [1, 2, 5, 7, 1_000, 4_999])
    func shapes(count: Int) throws {
        func parents(_ profile: NetworkProfile) throws -> [Int64?] {
            var all: [Int64?] = []
            try NetworkGenerator(profile: profile, affiliates: count, seed: 7).forEach { row in
                #expect(row.id.rawValue == Int64(all.count) + 1)
                all.append(row.parent?.rawValue)
            }
            return all
        }
        #expect(try parents(.chain) == (0..<count).map { $0 == 0 ? nil : Int64($0) })
        #expect(try parents(.star) == (0..<count).map { $0 == 0 ? nil : 1 })
        for profile in [NetworkProfile.skew, .uniform] {
            let all = try parents(profile)
            #expect(all.count == count)
            var roots = all.indices.map { $0 }
            for (position, parent) in all.enumerated() {
                guard let parent else { continue }
                #expect(parent <= position, "a sponsor comes first")
                roots[position] = roots[Int(parent) - 1]
            }
            let sizes = Dictionary(grouping: roots, by: { $0 }).mapValues(\.count)
            if profile == .skew {
                #expect(sizes[0] == count / 5 * 2 + min(count % 5, 2))
                #expect(sizes.filter { $0.key != 0 }.values.allSatisfy { $0 <= NetworkShape.smallTreeAffiliatesMax })
            } else {
                #expect(sizes.values.allSatisfy { $0 <= NetworkShape.smallTreeAffiliatesMax })
            }
        }
    }

    @Test("external ids and referral codes are unique and within their limits")
    func uniqueTexts() throws {
        var codes: Set<[UInt8]> = []
        var externalIDs: Set<[UInt8]> = []
        for id in Array(1...50_000) + [Int64.max, Int64.max - 1, 1 << 40, (1 << 40) + 1] {
            let row = GeneratedAffiliate(
                id: AffiliateID(id), parent: nil, status: .active, registrationSeconds: 0, directReferrals: 0, bits: 0)
            var code: [UInt8] = []
            row.appendReferralCode(to: &code)
            #expect(code.count <= 20)
            #expect(codes.insert(code).inserted)
            var externalID: [UInt8] = []
            row.appendExternalID(to: &externalID)
            #expect(externalIDs.insert(externalID).inserted)
        }
    }

    @Test("profile fature refuses another size, the others refuse none, zero and too many")
    func sizes() {
        #expect { try NetworkGenerator(profile: .fature, affiliates: 10, seed: 1) } throws: {
            ($0 as? GeneratorError)?.code == .fixedSize
        }
        #expect(throws: Never.self) { try NetworkGenerator(profile: .fature, affiliates: 532_363, seed: 1) }
        #expect { try NetworkGenerator(profile: .star, affiliates: nil, seed: 1) } throws: {
            ($0 as? GeneratorError)?.code == .sizeMissing
        }
        for count in [0, -1, NetworkGenerator.affiliatesMax + 1] {
            #expect { try NetworkGenerator(profile: .chain, affiliates: count, seed: 1) } throws: {
                ($0 as? GeneratorError)?.code == .sizeOutOfRange
            }
        }
    }
}
