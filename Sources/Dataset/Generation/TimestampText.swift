import Core

extension Timestamp {
    /// Appends `YYYY-MM-DDTHH:MM:SSZ`.
    package static func append(seconds: Int64, to bytes: inout [UInt8]) {
        let time = CivilTime(unixMicroseconds: seconds * microsecondsPerSecond)
        let secondOfDay = time.microsecondOfDay / microsecondsPerSecond
        bytes.appendDecimal(Int64(time.year), digits: 4)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendDecimal(Int64(time.month), digits: 2)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendDecimal(Int64(time.day), digits: 2)
        bytes.append(UInt8(ascii: "T"))
        bytes.appendDecimal(secondOfDay / 3_600, digits: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendDecimal(secondOfDay / 60 % 60, digits: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendDecimal(secondOfDay % 60, digits: 2)
        bytes.append(UInt8(ascii: "Z"))
    }
}
