import Foundation
import LoadPlan
import YAMLFiles

/// The affiliates that a run may ask about as a CSV file, for agents on hosts that do not reach PostgreSQL.
package enum PopulationFile {
    /// The largest file that is read, in bytes: about 30 million affiliates.
    package static let bytesMax = 1 << 30
    /// The first line.
    package static let header = "affiliate_id,root_id,shard,active,leaf"

    /// The file's bytes.
    package static func bytes(of population: Population) -> [UInt8] {
        var bytes = Array("\(header)\n".utf8)
        bytes.reserveCapacity(population.members.count * 32)
        for member in population.members {
            bytes += "\(member.id),\(member.root),\(member.shard),\(member.isActive ? 1 : 0),\(member.isLeaf ? 1 : 0)\n".utf8
        }
        return bytes
    }

    package static func read(path: String) throws(LoadFileError) -> Population {
        let data: Data
        do {
            data = try TextFile.bytes(path: path, bytesMax: bytesMax, what: "a population")
        } catch {
            throw LoadFileError(unreadable: path, error.message)
        }
        return try parse(Array(data), file: path)
    }

    package static func parse(_ bytes: [UInt8], file: String) throws(LoadFileError) -> Population {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        while lines.last?.isEmpty == true { lines.removeLast() }
        guard let first = lines.first, first.elementsEqual(header.utf8) else {
            throw LoadFileError(file: file, line: 1, "the first line must be \(header)")
        }
        var members: [Population.Member] = []
        members.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated().dropFirst() {
            guard let member = member(line) else {
                throw LoadFileError(file: file, line: index + 1, "this is no affiliate; write \(header), as in 17,3,5,1,0")
            }
            members.append(member)
        }
        let population = Population(members)
        for (a, b) in zip(population.members, population.members.dropFirst()) where a.id == b.id {
            throw LoadFileError(file: file, line: nil, "affiliate \(a.id) is there twice")
        }
        return population
    }

    private static func member(_ line: ArraySlice<UInt8>) -> Population.Member? {
        var numbers: (Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0)
        var place = 0
        var digits = 0
        for byte in line {
            if byte == UInt8(ascii: ",") {
                guard digits > 0, place < 4 else { return nil }
                place += 1
                digits = 0
                continue
            }
            guard byte >= 48, byte <= 57, digits < 18 else { return nil }
            let digit = Int64(byte - 48)
            digits += 1
            switch place {
            case 0: numbers.0 = numbers.0 * 10 + digit
            case 1: numbers.1 = numbers.1 * 10 + digit
            case 2: numbers.2 = numbers.2 * 10 + digit
            case 3: numbers.3 = numbers.3 * 10 + digit
            default: numbers.4 = numbers.4 * 10 + digit
            }
        }
        guard place == 4, digits > 0, numbers.0 > 0, numbers.1 > 0, let shard = UInt8(exactly: numbers.2), numbers.3 <= 1,
            numbers.4 <= 1
        else { return nil }
        return Population.Member(id: numbers.0, root: numbers.1, shard: shard, isActive: numbers.3 == 1, isLeaf: numbers.4 == 1)
    }
}
