import Foundation

/// How documents are written and read: keys in snake_case, in a fixed order, so that the same document is the same text wherever it is made.
package enum DocumentJSON {
    /// - Throws: `EncodingError` for what JSON cannot say.
    package static func text(of document: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    /// - Throws: `DecodingError` for other JSON than that document's, and for none.
    package static func read<Document: Decodable>(_ type: Document.Type, from bytes: [UInt8]) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(bytes))
    }
}
