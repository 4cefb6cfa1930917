import CPostgreSQL

/// Parameters in the layout libpq wants: types, pointers into one buffer, lengths and formats.
struct PostgresParameters {
    /// The protocol counts parameters in 16 bits.
    static let countMax = 65_535

    private(set) var types: [Oid] = []
    private var starts: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var bytes: [UInt8] = []

    private enum TypeOID {
        static let inferred: Oid = 0
        static let bool: Oid = 16
        static let bytea: Oid = 17
        static let int8: Oid = 20
        static let text: Oid = 25
        static let boolArray: Oid = 1000
        static let textArray: Oid = 1009
        static let int8Array: Oid = 1016
        static let numeric: Oid = 1700
        static let numericArray: Oid = 1231
    }

    init(_ values: [PostgresValue]) throws(PostgresError) {
        guard values.count <= Self.countMax else {
            throw PostgresError(
                .usage, "\(values.count) parameters; a statement takes \(Self.countMax) at most: send arrays and unnest() them")
        }
        for (index, value) in values.enumerated() {
            let start = bytes.count
            var isText = false
            switch value {
            case .null:
                types.append(TypeOID.inferred)
            case .bool(let flag):
                types.append(TypeOID.bool)
                bytes.append(flag ? 1 : 0)
            case .int(let number):
                types.append(TypeOID.int8)
                append(number)
            case .text(let text):
                types.append(TypeOID.inferred)
                isText = true
                try append(text, parameter: index)
            case .bytes(let content):
                types.append(TypeOID.bytea)
                bytes.append(contentsOf: content)
            case .int8Array(let numbers):
                types.append(TypeOID.int8Array)
                appendArrayHeader(count: numbers.count, hasNulls: false, element: TypeOID.int8)
                bytes.reserveCapacity(bytes.count + numbers.count * 12)
                for number in numbers {
                    append(Int32(8))
                    append(number)
                }
            case .optionalInt8Array(let numbers):
                types.append(TypeOID.int8Array)
                appendArrayHeader(count: numbers.count, hasNulls: numbers.contains(nil), element: TypeOID.int8)
                for number in numbers {
                    append(Int32(number == nil ? -1 : 8))
                    if let number { append(number) }
                }
            case .textArray(let texts):
                types.append(TypeOID.textArray)
                appendArrayHeader(count: texts.count, hasNulls: texts.contains(nil), element: TypeOID.text)
                for text in texts {
                    append(Int32(truncatingIfNeeded: text?.utf8.count ?? -1))
                    if let text { try append(text, parameter: index) }
                }
            case .boolArray(let flags):
                types.append(TypeOID.boolArray)
                appendArrayHeader(count: flags.count, hasNulls: false, element: TypeOID.bool)
                for flag in flags {
                    append(Int32(1))
                    bytes.append(flag ? 1 : 0)
                }
            case .hundredthsArray(let numbers):
                types.append(TypeOID.numericArray)
                appendArrayHeader(count: numbers.count, hasNulls: false, element: TypeOID.numeric)
                bytes.reserveCapacity(bytes.count + numbers.count * 20)
                for number in numbers {
                    append(Int32(PostgresNumeric.byteCount(hundredths: number)))
                    PostgresNumeric.append(hundredths: number, to: &bytes)
                }
            }
            guard let length = Int32(exactly: bytes.count - start), length < 1 << 30 else {
                throw PostgresError(.usage, "parameter $\(index + 1) is larger than PostgreSQL's limit of 1 GiB; use COPY")
            }
            starts.append(value == .null ? nil : start)
            lengths.append(length)
            formats.append(isText ? 0 : 1)
            // Text parameters end in a NUL for libpq; it also keeps an empty value's pointer inside the buffer.
            bytes.append(0)
        }
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ text: String, parameter: Int) throws(PostgresError) {
        guard !text.utf8.contains(0) else {
            throw PostgresError(
                .usage,
                "parameter $\(parameter + 1) holds a NUL character, which PostgreSQL's text cannot: remove it or send bytes")
        }
        bytes.append(contentsOf: text.utf8)
    }

    /// The binary form of a one-dimensional array, lower bound 1.
    private mutating func appendArrayHeader(count: Int, hasNulls: Bool, element: Oid) {
        append(Int32(count == 0 ? 0 : 1))
        append(Int32(hasNulls ? 1 : 0))
        append(element)
        guard count > 0 else { return }
        append(Int32(truncatingIfNeeded: count))
        append(Int32(1))
    }

    /// Calls `body` with count, types, values, lengths and formats; the pointers are valid during the call only.
    func withLibpqArguments<R>(
        _ body: (
            Int32, UnsafePointer<Oid>?, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        guard !types.isEmpty else { return body(0, nil, nil, nil, nil) }
        return bytes.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                let values = starts.map { start in start.flatMap { characters.baseAddress?.advanced(by: $0) } }
                return body(Int32(types.count), types, values, lengths, formats)
            }
        }
    }
}
