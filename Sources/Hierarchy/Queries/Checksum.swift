import Core

/// A number of 64 bits for the contents of a partition: id, sponsor, status and profile of all affiliates, in whatever order and arrays they
/// stand. Equal contents have equal numbers; unequal ones almost never do, unless somebody means them to.
///
/// It is a sum without overflow checks, so that it can follow joins and changes of status one by one.
extension Partition {
    /// One affiliate's part of the sum.
    package func checksum(of node: Node) -> UInt64 {
        check(node)
        let parent = parentNumber(node.number)
        let parentID = parent == Forest.noPosition ? 0 : rawID(parent)
        return withProfile(of: node) {
            AffiliateChecksum.of(rawID(node.number), parent: parentID, status: rawStatus(node.number), $0)
        }
    }
}

extension PartitionSnapshot {
    /// The sum over all affiliates: a pass over everything, for another thread than the partition's.
    package func checksum() -> UInt64 {
        let count = UInt32(forest.count)
        func id(_ number: UInt32) -> Int64 {
            if number == Forest.noPosition { return 0 }
            return number < count ? forest.ids[number] : overlay.entries[number - count].id
        }
        var sum: UInt64 = 0
        for position in 0..<count {
            sum &+= AffiliateChecksum.of(
                forest.ids[position], parent: id(forest.parents[position]), status: statuses[position],
                forest.profiles.view(at: forest.profileOffsets[position]))
        }
        for number in 0..<UInt32(overlay.count) {
            let entry = overlay.entries[number]
            sum &+= AffiliateChecksum.of(
                entry.id, parent: id(entry.parent), status: entry.status, overlayProfiles.view(at: entry.profileOffset))
        }
        return sum
    }
}

private enum AffiliateChecksum {
    /// Of the digits of pi; any odd numbers would do.
    private static let first: UInt64 = 0x243F_6A88_85A3_08D3
    private static let second: UInt64 = 0x1319_8A2E_0370_7345

    /// - Parameter parent: 0 for a root.
    static func of(_ id: Int64, parent: Int64, status: UInt8, _ profile: ProfileView) -> UInt64 {
        var hash = first
        mix(UInt64(bitPattern: id), into: &hash)
        mix(UInt64(bitPattern: parent), into: &hash)
        mix(UInt64(status), into: &hash)
        mix(UInt64(bitPattern: profile.registrationMicroseconds), into: &hash)
        mix(profile.externalID, into: &hash)
        mix(profile.referralCode, into: &hash)
        mix(profile.name, into: &hash)
        mix(profile.email, into: &hash)
        mix(profile.phone, into: &hash)
        mix(profile.document, into: &hash)
        mix(profile.category, into: &hash)
        mix(second, into: &hash)
        return hash
    }

    @inline(__always)
    private static func mix(_ word: UInt64, into hash: inout UInt64) {
        let product = (hash ^ word).multipliedFullWidth(by: second)
        // The product alone would be 0 for ever once it is.
        hash = (product.high ^ product.low) &+ (word &* first) &+ second
    }

    /// The length first, so that fields do not run into each other; absent and empty differ.
    private static func mix(_ field: UnsafeRawBufferPointer?, into hash: inout UInt64) {
        guard let field else { return mix(0, into: &hash) }
        mix(UInt64(field.count) &+ 1, into: &hash)
        var at = 0
        while at + 8 <= field.count {
            mix(UInt64(littleEndian: field.loadUnaligned(fromByteOffset: at, as: UInt64.self)), into: &hash)
            at += 8
        }
        guard at < field.count else { return }
        var rest: UInt64 = 0
        while at < field.count {
            rest = rest << 8 | UInt64(field[at])
            at += 1
        }
        mix(rest, into: &hash)
    }
}
