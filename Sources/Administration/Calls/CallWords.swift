/// Words that came from outside.
enum CallWords {
    private static let shownCharactersMax = 64

    /// Fit for an error's line.
    static func shown(_ text: String) -> String {
        String(
            text.unicodeScalars.prefix(shownCharactersMax).map {
                $0.isASCII && $0.value >= 0x20 && $0.value < 0x7f ? Character($0) : "?"
            })
    }

    /// Whether it can be kept and shown on a terminal: no control characters, and with them no NUL.
    static func isPlain(_ text: String) -> Bool {
        !text.unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }
    }
}
