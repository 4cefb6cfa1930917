import Administration

/// What `--json` prints: one document on standard output, keys in snake_case, in a fixed order.
enum JSONAnswer {
    static func print(_ value: some Encodable) throws(CommandError) { Console.answer(try text(value)) }

    static func text(_ value: some Encodable) throws(CommandError) -> String {
        do { return try DocumentJSON.text(of: value) } catch {
            throw CommandError(.processFailed, "cannot write the answer as JSON: \(error)")
        }
    }
}
