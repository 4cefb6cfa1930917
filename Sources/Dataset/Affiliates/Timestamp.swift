/// A moment in microseconds since 1970-01-01 00:00:00 UTC, read from and written as ISO 8601 in the years 1 to 9999.
package enum Timestamp {
    package static let microsecondsPerSecond: Int64 = 1_000_000
    private static let secondsPerDay: Int64 = 86_400

    /// Reads `YYYY-MM-DD`, or that with `T` or a blank, `HH:MM`, optional `:SS`, optional fraction, and optional `Z`, `±HH`, `±HHMM` or
    /// `±HH:MM`; without a zone it is UTC. Digits of the fraction after the sixth are dropped. Nil for anything else, also for a day
    /// that no month has.
    package static func parse(_ text: some Sequence<UInt8>) -> Int64? {
        var scanner = DigitScanner(text)
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2), scanner.take("-"),
            let day = scanner.digits(2),
            year >= 1, (1...12).contains(month), day >= 1, day <= daysInMonth(year, month)
        else { return nil }
        var microseconds = daysSince1970(year, month, day) * secondsPerDay * microsecondsPerSecond
        if scanner.isAtEnd { return microseconds }
        guard scanner.take("T") || scanner.take(" "), let hour = scanner.digits(2), scanner.take(":"),
            let minute = scanner.digits(2),
            hour < 24, minute < 60
        else { return nil }
        microseconds += (hour * 3_600 + minute * 60) * microsecondsPerSecond
        if scanner.take(":") {
            guard let second = scanner.digits(2), second < 60 else { return nil }
            microseconds += second * microsecondsPerSecond
            if scanner.take(".") {
                guard let fraction = scanner.fraction() else { return nil }
                microseconds += fraction
            }
        }
        if scanner.isAtEnd || scanner.take("Z") { return scanner.isAtEnd ? microseconds : nil }
        let isEast = scanner.take("+")
        guard isEast || scanner.take("-"), let zoneHour = scanner.digits(2), zoneHour < 16 else { return nil }
        var zoneMinute: Int64 = 0
        if !scanner.isAtEnd {
            _ = scanner.take(":")
            guard let read = scanner.digits(2), read < 60 else { return nil }
            zoneMinute = read
        }
        guard scanner.isAtEnd else { return nil }
        let zone = (zoneHour * 3_600 + zoneMinute * 60) * microsecondsPerSecond
        return isEast ? microseconds - zone : microseconds + zone
    }

    /// Appends `YYYY-MM-DDTHH:MM:SSZ`.
    package static func append(seconds: Int64, to bytes: inout [UInt8]) {
        let days = (seconds >= 0 ? seconds : seconds - secondsPerDay + 1) / secondsPerDay
        let rest = seconds - days * secondsPerDay
        let date = civil(days)
        bytes.appendDecimal(date.year, digits: 4)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendDecimal(date.month, digits: 2)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendDecimal(date.day, digits: 2)
        bytes.append(UInt8(ascii: "T"))
        bytes.appendDecimal(rest / 3_600, digits: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendDecimal(rest / 60 % 60, digits: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendDecimal(rest % 60, digits: 2)
        bytes.append(UInt8(ascii: "Z"))
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Howard Hinnant's `days_from_civil` for years from 1.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Howard Hinnant's `civil_from_days` for days from the year 1.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

/// Takes digits and single characters from the front of a short text.
private struct DigitScanner<Text: Sequence<UInt8>> {
    private var iterator: Text.Iterator
    private var next: UInt8?

    init(_ text: Text) {
        iterator = text.makeIterator()
        next = iterator.next()
    }

    var isAtEnd: Bool { next == nil }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = next, UInt32(byte) == character.value else { return false }
        next = iterator.next()
        return true
    }

    mutating func digits(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// A fraction of a second of any length, in microseconds.
    mutating func fraction() -> Int64? {
        guard var value = digit() else { return nil }
        var scale = 5
        while let digit = digit() {
            if scale > 0 {
                value = value * 10 + digit
                scale -= 1
            }
        }
        for _ in 0..<scale { value *= 10 }
        return value
    }

    private mutating func digit() -> Int64? {
        guard let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        next = iterator.next()
        return Int64(byte - UInt8(ascii: "0"))
    }
}
