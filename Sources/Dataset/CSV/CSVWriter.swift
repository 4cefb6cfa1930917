/// Builds CSV (RFC 4180) in a buffer that its owner empties: lines end in LF, fields are quoted only where they must be.
package struct CSVWriter: Sendable {
    /// What has been written and not yet taken away.
    package private(set) var bytes: [UInt8] = []
    private var isFirstField = true

    package init() {}

    package mutating func field(_ text: some Sequence<UInt8>) {
        separate()
        let start = bytes.count
        bytes.append(contentsOf: text)
        quote(from: start)
    }

    package mutating func field(_ text: String) { field(text.utf8) }

    package mutating func field(_ number: Int64) {
        separate()
        bytes.appendDecimal(number)
    }

    /// A field that `write` appends to the buffer.
    package mutating func field(_ write: (inout [UInt8]) -> Void) {
        separate()
        let start = bytes.count
        write(&bytes)
        quote(from: start)
    }

    package mutating func emptyField() { separate() }

    package mutating func endRecord() {
        bytes.append(UInt8(ascii: "\n"))
        isFirstField = true
    }

    /// Forgets what has been written, after its owner passed it on.
    package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    private mutating func separate() {
        if !isFirstField { bytes.append(UInt8(ascii: ",")) }
        isFirstField = false
    }

    private mutating func quote(from start: Int) {
        guard bytes[start...].contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }) else { return }
        let text = Array(bytes[start...])
        bytes.removeLast(text.count)
        bytes.append(0x22)
        for byte in text {
            if byte == 0x22 { bytes.append(0x22) }
            bytes.append(byte)
        }
        bytes.append(0x22)
    }
}
