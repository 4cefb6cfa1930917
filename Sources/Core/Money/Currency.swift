/// A currency by its three letters of ISO 4217, as in `BRL`. All amounts have two decimals.
package struct Currency: Hashable, Sendable {
    /// The letters, the first in the highest of the three bytes.
    private let letters: UInt32

    /// Nil unless it is three letters from A to Z.
    package init?(_ text: UnsafeRawBufferPointer) {
        guard text.count == 3 else { return nil }
        var letters: UInt32 = 0
        for byte in text {
            guard byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") else { return nil }
            letters = letters << 8 | UInt32(byte)
        }
        self.letters = letters
    }

    /// As for bytes.
    package init?(_ text: some StringProtocol) {
        var copy = String(text)
        guard let currency = copy.withUTF8({ Currency(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = currency
    }

    private init(letters: UInt32) { self.letters = letters }

    /// The Brazilian real, the programme's own.
    package static let brl = Currency(letters: 0x42524C)
}

extension Currency: CustomStringConvertible {
    package var description: String { String(decoding: [first, second, third], as: UTF8.self) }

    fileprivate var first: UInt8 { UInt8(letters >> 16 & 255) }
    fileprivate var second: UInt8 { UInt8(letters >> 8 & 255) }
    fileprivate var third: UInt8 { UInt8(letters & 255) }
}

extension ByteBuilder {
    /// The three letters, without quotes.
    package func append(_ currency: Currency) {
        append(currency.first)
        append(currency.second)
        append(currency.third)
    }
}
