import Testing

@testable import Dataset

@Suite("CSV")
struct CSVReaderTests {
    struct Read: Equatable {
        var line: Int
        var fields: [String]
        var problem: CSVRecord.Problem?

        init(_ line: Int, _ fields: [String], _ problem: CSVRecord.Problem? = nil) {
            self.line = line
            self.fields = fields
            self.problem = problem
        }
    }

    private func read(_ bytes: [UInt8], piece: Int = .max, limits: CSVReader.Limits = .init()) -> [Read] {
        var reader = CSVReader(limits: limits)
        var all: [Read] = []
        func take(_ record: CSVRecord) {
            let fields = record.problem == nil ? (0..<record.count).map { String(decoding: record[$0], as: UTF8.self) } : []
            all.append(Read(record.line, fields, record.problem))
        }
        var start = 0
        while start < bytes.count {
            let end = piece > bytes.count - start ? bytes.count : start + piece
            bytes[start..<end].withUnsafeBytes { reader.read($0, take) }
            start = end
        }
        reader.finish(take)
        reader.finish(take)
        return all
    }

    private func read(_ text: String, limits: CSVReader.Limits = .init()) -> [Read] {
        let whole = read(Array(text.utf8), limits: limits)
        for piece in [1, 2, 3, 7] {
            #expect(read(Array(text.utf8), piece: piece, limits: limits) == whole, "in pieces of \(piece)")
        }
        return whole
    }

    @Test("quotes, doubled quotes, commas and line ends within quotes, LF, CRLF and a last line without an end are read")
    func grammar() {
        #expect(read("") == [])
        #expect(read("\n\r\n\n") == [])
        #expect(read("a,b") == [Read(1, ["a", "b"])])
        #expect(read("a,b\nc,\r\n,\n") == [Read(1, ["a", "b"]), Read(2, ["c", ""]), Read(3, ["", ""])])
        #expect(read("\"a\"\"b\",\"c,d\",\"e\r\nf\"\ng\n") == [Read(1, ["a\"b", "c,d", "e\r\nf"]), Read(3, ["g"])])
        #expect(read("\"\"\n\"\",\"\"") == [Read(1, [""]), Read(2, ["", ""])])
        #expect(read("\n\nx\n") == [Read(3, ["x"])])
    }

    @Test("a byte order mark is passed over at the begin of the file, and only there")
    func byteOrderMark() {
        #expect(read("\u{FEFF}a,\u{FEFF}b\n") == [Read(1, ["a", "\u{FEFF}b"])])
        #expect(read("\u{FEFF}\"a\"") == [Read(1, ["a"])])
        #expect(read([0xEF]).count == 1)
        #expect(read([0xEF, 0xBB]).count == 1)
        #expect(read([0xEF, 0xBB, 0xBF]) == [])
        #expect(read([0xEF, 0xBB, 0x61, 0x0A, 0x62]).map(\.line) == [1, 2])
    }

    @Test("a record that cannot be read is handed over with its line and reason, and the next one is read")
    func problems() {
        #expect(read("a\"b,c\nd\n") == [Read(1, [], .quoteInUnquotedField), Read(2, ["d"])])
        #expect(read("\"a\"b,c\nd\n") == [Read(1, [], .textAfterQuote), Read(2, ["d"])])
        #expect(read("a\rb\nd\n") == [Read(1, [], .bareCarriageReturn), Read(2, ["d"])])
        #expect(read("a\r") == [Read(1, [], .bareCarriageReturn)])
        #expect(read("x\n\"a\nb\nc") == [Read(1, ["x"]), Read(2, [], .quoteNotClosed)])
    }

    @Test("a field, a record and a number of fields past the limit are refused, and quoted text is never taken for records")
    func limits() {
        let limits = CSVReader.Limits(fieldBytesMax: 4, recordBytesMax: 10, fieldsMax: 3)
        #expect(
            read("abcd,efgh\nabcde\nx\n", limits: limits) == [
                Read(1, ["abcd", "efgh"]), Read(2, [], .fieldTooLong(bytesMax: 4)), Read(3, ["x"]),
            ])
        #expect(read("abcd,efgh,ijk\nx", limits: limits) == [Read(1, [], .recordTooLong(bytesMax: 10)), Read(2, ["x"])])
        #expect(
            read(",,\n,,,\nx", limits: limits) == [
                Read(1, ["", "", ""]), Read(2, [], .tooManyFields(fieldsMax: 3)), Read(3, ["x"]),
            ])
        #expect(read("\"abcde\n666,evil\n\"\nx", limits: limits) == [Read(1, [], .fieldTooLong(bytesMax: 4)), Read(4, ["x"])])
    }

    @Test("a reader goes on at the offset where another stopped, with the right line numbers")
    func resume() {
        let bytes = Array("h,i\n\"a\nb\",c\n\nd,e\nf,g".utf8)
        var places: [(offset: Int, line: Int)] = []
        var first = CSVReader()
        func place(_ record: CSVRecord) { places.append((record.endOffset, record.endLine)) }
        bytes.withUnsafeBytes { first.read($0, place) }
        first.finish(place)
        let whole = read(bytes)
        #expect(places.map(\.offset) == [4, 12, 17, 20])
        for (position, place) in places.enumerated() {
            var rest: [Read] = []
            var reader = CSVReader(offset: place.offset, line: place.line)
            func take(_ record: CSVRecord) {
                rest.append(Read(record.line, (0..<record.count).map { String(decoding: record[$0], as: UTF8.self) }))
            }
            bytes[place.offset...].withUnsafeBytes { reader.read($0, take) }
            reader.finish(take)
            #expect(rest == Array(whole[(position + 1)...]))
        }
    }

    @Test("no bytes whatever make the reader trap, and the answer does not depend on the pieces", arguments: 0..<40)
    func hostile(seed: Int) {
        var random = RandomStream(seed: UInt64(seed))
        let alphabet: [UInt8] = [0x22, 0x2C, 0x0A, 0x0D, 0x00, 0xEF, 0xBB, 0xBF, 0x61, 0xFF]
        let limits = CSVReader.Limits(fieldBytesMax: 5, recordBytesMax: 12, fieldsMax: 4)
        for _ in 0..<50 {
            let bytes = (0..<random.below(60)).map { _ in alphabet[random.below(alphabet.count)] }
            let whole = read(bytes, limits: limits)
            #expect(read(bytes, piece: 1, limits: limits) == whole)
            let counts = bytes.withUnsafeBytes { CSVReader.countRecords($0, limits: limits) }
            #expect(counts.records == whole.count)
            #expect(counts.refused == whole.count { $0.problem != nil })
        }
    }

    @Test("what the writer writes, the reader reads", arguments: 0..<20)
    func roundTrip(seed: Int) {
        var random = RandomStream(seed: UInt64(seed))
        let alphabet = Array("ab,\"\r\n ".utf8)
        var writer = CSVWriter()
        var expected: [[String]] = []
        for _ in 0..<30 {
            let fields = (0...random.below(4)).map { _ in
                String(decoding: (0..<random.below(6)).map { _ in alphabet[random.below(alphabet.count)] }, as: UTF8.self)
            }
            // A record of one empty field is an empty line, which no reader of CSV can tell from none.
            if fields == [""] { continue }
            for field in fields { writer.field(field) }
            writer.endRecord()
            expected.append(fields)
        }
        #expect(read(writer.bytes).map(\.fields) == expected)
    }
}
