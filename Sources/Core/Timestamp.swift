/// A moment in microseconds since 1970-01-01 00:00:00 UTC, read as ISO 8601 in the years 1 to 9999.
package enum Timestamp {
    package static let microsecondsPerSecond: Int64 = 1_000_000
    /// The last millisecond of the year 9999.
    private static let millisecondsMax: Int64 = 253_402_300_799_999

    /// Of a moment that somebody else wrote: whatever it says becomes one from 1970 to 9999.
    package static func microseconds(ofMilliseconds milliseconds: Int64) -> Int64 {
        min(max(milliseconds, 0), millisecondsMax) * 1000
    }

    /// Reads `YYYY-MM-DD`, or that with `T` or a blank, `HH:MM`, optional `:SS`, optional fraction, and optional `Z`, `±HH`, `±HHMM` or
    /// `±HH:MM`; without a zone it is UTC. Digits of the fraction after the sixth are dropped. Nil for anything else, also for a day
    /// that no month has.
    package static func parse(_ text: some Sequence<UInt8>) -> Int64? {
        var scanner = DigitScanner(text)
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2), scanner.take("-"),
            let day = scanner.digits(2),
            year >= 1, (1...12).contains(month), day >= 1, day <= daysInMonth(year, month)
        else { return nil }
        var microseconds = CivilTime.days(year: Int(year), month: Int(month), day: Int(day)) * CivilTime.microsecondsPerDay
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

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
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
