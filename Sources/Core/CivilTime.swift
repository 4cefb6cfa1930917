/// Calendar arithmetic on the proleptic Gregorian calendar in UTC, without a time zone database.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil` and `civil_from_days`.
package struct CivilTime: Equatable, Sendable {
    package var year: Int
    package var month: Int
    package var day: Int
    package var microsecondOfDay: Int64

    package static let microsecondsPerDay: Int64 = 86_400_000_000

    /// From microseconds since 1970-01-01 00:00:00 UTC.
    package init(unixMicroseconds: Int64) {
        var days = unixMicroseconds / Self.microsecondsPerDay
        var rest = unixMicroseconds % Self.microsecondsPerDay
        if rest < 0 {
            days -= 1
            rest += Self.microsecondsPerDay
        }
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        microsecondOfDay = rest
    }

    /// Days since 1970-01-01 of the first of the month that holds a moment.
    package static func monthStart(containing unixMicroseconds: Int64) -> Int64 {
        let time = CivilTime(unixMicroseconds: unixMicroseconds)
        return days(year: time.year, month: time.month, day: 1)
    }

    /// Days since 1970-01-01 of a date.
    package static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension ByteBuilder {
    /// RFC 3339 in UTC with microseconds only where there are any: `2024-02-29T12:00:00Z`, `2024-02-29T12:00:00.000001Z`.
    package func appendRFC3339(unixMicroseconds: Int64) {
        let time = CivilTime(unixMicroseconds: unixMicroseconds)
        let seconds = time.microsecondOfDay / 1_000_000
        appendPadded(Int64(time.year), digits: 4)
        append(UInt8(ascii: "-"))
        appendPadded(Int64(time.month), digits: 2)
        append(UInt8(ascii: "-"))
        appendPadded(Int64(time.day), digits: 2)
        append(UInt8(ascii: "T"))
        appendPadded(seconds / 3600, digits: 2)
        append(UInt8(ascii: ":"))
        appendPadded(seconds / 60 % 60, digits: 2)
        append(UInt8(ascii: ":"))
        appendPadded(seconds % 60, digits: 2)
        let fraction = time.microsecondOfDay % 1_000_000
        if fraction != 0 {
            append(UInt8(ascii: "."))
            appendPadded(fraction, digits: 6)
        }
        append(UInt8(ascii: "Z"))
    }

    /// Decimal digits with leading zeros up to `digits` (at most 19) behind the sign of a negative number.
    package func appendPadded(_ value: Int64, digits: Int) {
        precondition(digits >= 1 && digits <= 19)
        if value < 0 { append(UInt8(ascii: "-")) }
        var bound: UInt64 = 1
        for _ in 1..<digits { bound *= 10 }
        while bound > 1, value.magnitude < bound {
            append(UInt8(ascii: "0"))
            bound /= 10
        }
        appendDecimal(magnitude: value.magnitude)
    }
}
