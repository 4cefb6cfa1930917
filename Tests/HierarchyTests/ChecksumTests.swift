import Core
import Testing

@testable import Hierarchy

@Suite("Checksum of the contents")
struct ChecksumTests {
    private static let rows = [row(1), row(2, under: 1), row(3, under: 1), row(4, under: 2, .banned), row(5), row(6, under: 5)]

    @Test("the same affiliates have the same checksum, in whatever arrays and order they stand")
    func order() throws {
        let whole = try partition(Self.rows).snapshot().checksum()
        #expect(try partition(Self.rows.reversed()).snapshot().checksum() == whole)
        let grown = try partition([row(1)])
        for row in Self.rows.dropFirst() { try grown.join(row) }
        #expect(grown.snapshot().checksum() == whole)
        #expect(try grown.snapshot().rebuilt().snapshot().checksum() == whole)
        var parts: UInt64 = 0
        for row in Self.rows { parts &+= grown.checksum(of: try #require(grown.find(row.id))) }
        #expect(parts == whole)
        #expect(try partition([]).snapshot().checksum() == 0)
    }

    @Test("another id, sponsor, status or field is another checksum, an absent field another than an empty one")
    func differences() throws {
        let base = row(6, under: 5)
        func sum(_ row: AffiliateRow) throws -> UInt64 { try partition(Self.rows.dropLast() + [row]).snapshot().checksum() }
        func changed(_ change: (inout AffiliateRow) -> Void) -> AffiliateRow {
            var row = base
            change(&row)
            return row
        }
        let variants = [
            base, row(7, under: 5), changed { $0.parent = AffiliateID(1) }, changed { $0.parent = nil },
            changed { $0.status = .banned },
            changed { $0.profile.externalID += "x" }, changed { $0.profile.referralCode = nil },
            changed { $0.profile.referralCode = "" }, changed { $0.profile.name = "" }, changed { $0.profile.email = nil },
            changed { $0.profile.phone = "" }, changed { $0.profile.document = "" }, changed { $0.profile.category = "vip" },
            changed { $0.profile.registrationMicroseconds += 1 },
            changed {
                // The same bytes, divided otherwise.
                $0.profile.name = String($0.profile.name.dropLast())
                $0.profile.email = "\(base.profile.name.last ?? "x")"
            },
        ]
        #expect(Set(try variants.map(sum)).count == variants.count)
    }

    @Test("what is added up change by change is what a pass over everything gives", arguments: 0..<20 as Range<UInt64>)
    func incremental(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var living = try partition([row(1)])
        var sum = living.snapshot().checksum()
        for id in 2...300 as ClosedRange<Int64> {
            let sponsor = Int64.random(in: 1..<id, using: &random)
            sum &+= living.checksum(of: try living.join(row(id, under: sponsor)))
            let other = AffiliateID(Int64.random(in: 1...id, using: &random))
            let node = try #require(living.find(other))
            sum &-= living.checksum(of: node)
            try living.setStatus(AffiliateStatus.allCases.randomElement(using: &random) ?? .active, of: other)
            sum &+= living.checksum(of: node)
            if id % 50 == 0 { living = try living.snapshot().rebuilt() }
        }
        #expect(living.snapshot().checksum() == sum)
    }
}
