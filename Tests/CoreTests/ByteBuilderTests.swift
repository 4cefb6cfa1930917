import Core
import Foundation
import Testing

private func text(_ body: (ByteBuilder) -> Void) -> String {
    let builder = ByteBuilder(capacity: 1)
    body(builder)
    return String(decoding: builder.bytes, as: UTF8.self)
}

@Suite("Bytes being built")
struct ByteBuilderTests {
    @Test("decimals are those of Swift, at every number of digits and at both ends")
    func decimals() {
        var values: [Int64] = [.min, .min + 1, .max, .max - 1, 0, -1]
        var power: Int64 = 1
        for _ in 0..<19 {
            values += [power, power - 1, power + 1, -power, 1 - power]
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        for value in values { #expect(text { $0.appendDecimal(value) } == String(value)) }
    }

    @Test("padded decimals have zeros in front and the sign before them")
    func padded() {
        let cases: [(Int64, Int, String)] = [
            (0, 1, "0"), (0, 4, "0000"), (7, 2, "07"), (99, 2, "99"), (100, 2, "100"), (-5, 4, "-0005"), (-12345, 2, "-12345"),
            (1, 19, "0000000000000000001"), (.max, 19, "9223372036854775807"), (.min, 19, "-9223372036854775808"),
        ]
        for (value, digits, wanted) in cases { #expect(text { $0.appendPadded(value, digits: digits) } == wanted) }
    }

    @Test("a builder grows by itself, keeps what it holds, and gives large memory back")
    func growth() {
        let builder = ByteBuilder(capacity: 0)
        for number in 0..<100_000 { builder.appendInteger(UInt32(number)) }
        #expect(builder.count == 400_000)
        #expect(builder.bytes.loadUnaligned(fromByteOffset: 399_996, as: UInt32.self).littleEndian == 99_999)
        builder.replaceInteger(at: 0, with: UInt32(0x0201))
        #expect(Array(builder.bytes.prefix(4)) == [1, 2, 0, 0])
        builder.truncate(to: 2)
        #expect(Array(builder.bytes) == [1, 2])
        builder.removeAll(keepingCapacityMax: 128)
        #expect(builder.count == 0 && builder.capacity == 128)
    }

    @Test("every character below 300 and some above come back from JSON as they went in")
    func jsonEscapes() throws {
        var scalars = (0..<300).compactMap(Unicode.Scalar.init)
        scalars += ["\u{2028}", "\u{ffff}", "\u{1f4a1}"]
        var all = ""
        for scalar in scalars { all.unicodeScalars.append(scalar) }
        let written = text { $0.appendJSON(all) }
        #expect(try JSONDecoder().decode(String.self, from: Data(written.utf8)) == all)
        #expect(text { $0.appendJSON("") } == "\"\"")
        #expect(text { $0.appendJSON("\u{1}\"\\\n") } == "\"\\u0001\\\"\\\\\\n\"")
        #expect(text { $0.appendJSONKey("a") } == "\"a\":")
    }
}

@Suite("Calendar without a time zone database")
struct CivilTimeTests {
    private let calendar: Calendar = {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .gmt
        return calendar
    }()

    @Test("dates are those of Foundation on thousands of days of the Gregorian calendar")
    func againstFoundation() {
        // From 1600, as Foundation's calendar changes to the Julian one in 1582.
        var days = Array(stride(from: Int64(-135_140), to: 2_932_896, by: 397))
        for year in [1600, 1700, 1900, 1970, 2000, 2023, 2024, 2100, 2400, 9999] {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                days += (-1...1).map { CivilTime.days(year: year, month: month, day: day) + $0 }
            }
        }
        for day in days where day >= -135_140 {
            let time = CivilTime(unixMicroseconds: day * CivilTime.microsecondsPerDay + 86_399_999_999)
            let parts = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400 + 86_399))
            #expect(time.year == parts.year && time.month == parts.month && time.day == parts.day, "day \(day)")
            #expect(time.microsecondOfDay == 86_399_999_999)
            #expect(CivilTime.days(year: time.year, month: time.month, day: time.day) == day)
        }
    }

    @Test("the farthest moments do not trap and stay in order")
    func farthest() {
        #expect(CivilTime(unixMicroseconds: .min).year == -290_308)
        #expect(CivilTime(unixMicroseconds: .max).year == 294_247)
        #expect(CivilTime(unixMicroseconds: -1).microsecondOfDay == CivilTime.microsecondsPerDay - 1)
    }

    @Test(
        "moments are written as RFC 3339 has it",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (253_402_300_799_000_000, "9999-12-31T23:59:59Z"),
        ] as [(Int64, String)])
    func rfc3339(moment: Int64, wanted: String) { #expect(text { $0.appendRFC3339(unixMicroseconds: moment) } == wanted) }
}
