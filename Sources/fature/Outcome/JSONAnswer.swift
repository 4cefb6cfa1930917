import Foundation

/// What `--json` prints: one document on standard output, keys in snake_case, in a fixed order.
enum JSONAnswer {
    static func print(_ value: some Encodable) throws(CommandError) {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            Console.answer(String(decoding: try encoder.encode(value), as: UTF8.self))
        } catch {
            throw CommandError(.processFailed, "cannot write the answer as JSON: \(error)")
        }
    }
}
