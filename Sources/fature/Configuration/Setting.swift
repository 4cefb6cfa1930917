import ArgumentParser

/// One thing a role can be told: by flag, by environment variable, or in the YAML file, in this order.
struct Setting: Sendable {
    enum Kind: Sendable, Equatable {
        case text
        /// A connection string: text that may hold a password and is never shown.
        case secret
        case integer(ClosedRange<Int>)
        case choice([String])
    }

    /// Its path in the YAML file, as in `gateway.listen_port`.
    let key: String
    let kind: Kind
    /// What holds if nobody says anything; nil where something else decides, which `help` names.
    let defaultText: String?
    /// Environment variables that mean the same, after our own.
    let aliases: [String]
    /// What it is, with its unit.
    let help: String

    init(_ key: String, _ kind: Kind, default defaultText: String? = nil, aliases: [String] = [], help: String) {
        self.key = key
        self.kind = kind
        self.defaultText = defaultText
        self.aliases = aliases
        self.help = help
    }

    /// `gateway.listen_port` is FATURE_GATEWAY_LISTEN_PORT in the environment.
    var variable: String { "FATURE_" + key.uppercased().replacing(".", with: "_") }
    /// `gateway.listen_port` is `--listen-port` of `fature gateway`.
    var flag: String { (key.split(separator: ".").last.map(String.init) ?? key).replacing("_", with: "-") }
    var flagName: NameSpecification { .customLong(flag) }

    /// The paragraph of `--help`.
    var argumentHelp: ArgumentHelp {
        let byDefault = defaultText.map { " Default: \($0)." } ?? ""
        return ArgumentHelp(
            "\(help)\(byDefault) Or \(([variable] + aliases).joined(separator: ", ")), or `\(key)` in the file.",
            valueName: valueName)
    }

    /// What a value looks like.
    var valueName: String {
        switch kind {
        case .text: "text"
        case .secret: "url"
        case .integer: "n"
        case .choice(let words): words.joined(separator: "|")
        }
    }

    /// Why `text` is no value of this setting, or nil if it is one.
    func complaint(about text: String) -> String? {
        switch kind {
        case .text, .secret: text.isEmpty ? "is empty" : nil
        case .integer(let range):
            Int(text).map(range.contains) == true
                ? nil : "is `\(text)`, not a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): words.contains(text) ? nil : "is `\(text)`, not one of \(words.joined(separator: ", "))"
        }
    }
}
