import Foundation
import YAMLFiles

/// A file of recorded arrivals: on each line one offset in seconds from the begin, with up to nine decimals, ascending. Empty lines and what
/// stands behind # are passed over.
package enum RecordedArrivals {
    /// The largest file that is read, in bytes.
    package static let bytesMax = 256 << 20
    /// Of the text of a line that an error repeats.
    private static let quotedBytesMax = 40

    /// Nanoseconds from the begin.
    package static func read(path: String) throws(LoadFileError) -> [UInt64] {
        let data: Data
        do {
            data = try TextFile.bytes(path: path, bytesMax: bytesMax, what: "a recording")
        } catch {
            throw LoadFileError(unreadable: path, error.message)
        }
        return try parse(Array(data), file: path)
    }

    /// Nanoseconds from the begin; `file` is the name that errors give.
    package static func parse(_ bytes: [UInt8], file: String) throws(LoadFileError) -> [UInt64] {
        var offsets: [UInt64] = []
        var line = 0
        for text in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
            var word = text.prefix { $0 != UInt8(ascii: "#") }.drop(while: isBlank)
            while let last = word.last, isBlank(last) { word.removeLast() }
            if word.isEmpty { continue }
            guard let offset = nanoseconds(word) else {
                let quoted = String(decoding: word.prefix(quotedBytesMax), as: UTF8.self)
                throw LoadFileError(
                    file: file, line: line, "'\(quoted)' is no offset; write seconds with up to nine decimals, as in 12.345")
            }
            guard offset >= offsets.last ?? 0 else {
                throw LoadFileError(file: file, line: line, "the offset is smaller than the one before; sort the file (sort -n)")
            }
            offsets.append(offset)
        }
        guard !offsets.isEmpty else { throw LoadFileError(file: file, line: nil, "no request is recorded in it") }
        return offsets
    }

    /// Whole numbers all the way: no offset is rounded.
    private static func nanoseconds(_ word: ArraySlice<UInt8>) -> UInt64? {
        var (value, decimals, digits): (UInt64, Int?, Int) = (0, nil, 0)
        for byte in word {
            if byte == UInt8(ascii: "."), decimals == nil, digits > 0 {
                decimals = 0
                continue
            }
            // Nine digits before the point are thirty years.
            guard byte >= 48, byte <= 57, digits < 18, decimals ?? 0 < 9, decimals != nil || digits < 9 else { return nil }
            value = value * 10 + UInt64(byte - 48)
            digits += 1
            decimals = decimals.map { $0 + 1 }
        }
        guard digits > 0, decimals != 0 else { return nil }
        for _ in (decimals ?? 0)..<9 { value *= 10 }
        return value
    }
}
