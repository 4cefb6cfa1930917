/// Numbers as people read them. Pure Swift, so that reports are the same on every machine.
package enum Quantity {
    /// With so many decimal places, rounded half away from zero; `decimal(0.125, places: 2)` is `0.13`.
    package static func decimal(_ value: Double, places: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e15 else { return String(value) }
        let whole = Int(scaled)
        let sign = value < 0 && whole != 0 ? "-" : ""
        guard places > 0 else { return sign + String(whole) }
        let fraction = String(whole % Int(scale))
        return sign + "\(whole / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    /// `3,000,000`
    package static func count(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// A time in three significant digits and the unit that suits it: `850 µs`, `8.43 ms`, `1.20 s`, `61 min 40 s`.
    package static func time(microseconds: Double) -> String {
        switch abs(microseconds) {
        case ..<999.5: "\(decimal(microseconds, places: 0)) µs"
        case ..<999_500: "\(significant(microseconds / 1000)) ms"
        case ..<600_000_000: "\(significant(microseconds / 1_000_000)) s"
        default: minutes(seconds: microseconds / 1_000_000)
        }
    }

    package static func time(microseconds: UInt64) -> String { time(microseconds: Double(microseconds)) }

    /// A length of a run: `60 s`, `2.5 s`, `15 min`, `1 h 30 min`.
    package static func length(seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e12 else { return "–" }
        if seconds < 120 { return "\(plain(seconds)) s" }
        return minutes(seconds: seconds)
    }

    /// `50,000/s`, `12.5/s`
    package static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, abs(perSecond) < 9e15 else { return "–" }
        return abs(perSecond) < 100 && perSecond != perSecond.rounded()
            ? "\(decimal(perSecond, places: 1))/s" : "\(count(Int(perSecond.rounded())))/s"
    }

    /// A share from 0 to 1 in parts of a hundred: `12.5%`, `0.0021%`; never `0%` for what is more than nothing.
    package static func share(_ share: Double) -> String {
        let percent = share * 100
        guard percent.isFinite else { return "–" }
        if percent == 0 { return "0%" }
        if percent < 0.0001 { return "< 0.0001%" }
        if percent >= 99.995, percent < 100 { return "> 99.99%" }
        return "\(plain(percent, places: percent < 0.01 ? 4 : 2))%"
    }

    /// `1.5 MB`, in steps of 1,000.
    package static func bytes(_ bytes: Int) -> String {
        var value = Double(bytes)
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 999.5 { return "\(unit == "B" ? decimal(value, places: 0) : significant(value)) \(unit)" }
            value /= 1000
        }
        return "\(significant(value)) TB"
    }

    /// Without zeros at the end: `2.5`, `60`, `99.999`.
    package static func plain(_ value: Double, places: Int = 2) -> String {
        var text = decimal(value, places: places)
        guard text.contains(".") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// Three significant digits of a number from 1 to 1,000.
    private static func significant(_ value: Double) -> String {
        let places =
            switch abs(value) {
            case ..<9.995: 2
            case ..<99.95: 1
            default: 0
            }
        return decimal(value, places: places)
    }

    private static func minutes(seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        var parts: [String] = []
        if hours > 0 { parts.append("\(hours) h") }
        if minutes > 0 { parts.append("\(minutes) min") }
        if rest > 0 || parts.isEmpty { parts.append("\(rest) s") }
        return parts.joined(separator: " ")
    }
}
