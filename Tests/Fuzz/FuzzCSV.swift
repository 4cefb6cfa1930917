import Dataset

/// Any bytes as CSV: the records are the same in whatever pieces the bytes come, and no limit is exceeded.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCSV(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 0, let data else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let text = UnsafeRawBufferPointer(rebasing: bytes[1...])
    let whole = records(text, piece: max(1, text.count))
    precondition(records(text, piece: max(1, Int(bytes[0] & 15))) == whole, "the records depend on the pieces")
    return 0
}

private func records(_ bytes: UnsafeRawBufferPointer, piece: Int) -> [String] {
    let limits = CSVReader.Limits(fieldBytesMax: 20, recordBytesMax: 60, fieldsMax: 5)
    var reader = CSVReader(limits: limits)
    var all: [String] = []
    func note(_ record: CSVRecord) {
        precondition(record.problem != nil || record.count <= limits.fieldsMax)
        var line = "\(record.line) \(record.problem.map { "\($0)" } ?? "")"
        for at in 0..<record.count {
            line += "|" + String(decoding: record[at], as: UTF8.self)
            precondition(record.problem != nil || record[at].count <= limits.fieldBytesMax)
        }
        all.append(line)
    }
    var at = 0
    while at < bytes.count {
        let end = min(at + piece, bytes.count)
        reader.read(UnsafeRawBufferPointer(rebasing: bytes[at..<end]), note)
        at = end
    }
    reader.finish(note)
    return all
}
