import Core

/// Commands on their way to Redis, encoded (RESP) as they are added: each a count of arguments, then the arguments with their lengths, so that any
/// bytes pass.
///
/// A reference that its owner empties and uses again; it belongs to one thread.
package final class RedisCommands {
    private let builder = ByteBuilder(capacity: 4096)
    private let scratch = ByteBuilder(capacity: 64)
    /// How many commands have been begun.
    package private(set) var count = 0
    /// Arguments that the last command still lacks.
    private var lacking = 0

    package init() {}

    /// Whether every command has as many arguments as it was begun with.
    var isComplete: Bool { lacking == 0 }
    var bytes: UnsafeRawBufferPointer { builder.bytes }

    /// How many bytes have been added.
    package var byteCount: Int { builder.count }

    package func removeAll() {
        builder.removeAll()
        count = 0
        lacking = 0
    }

    /// Begins a command of so many arguments, its name among them. All of them are to be appended before the next one is begun.
    package func begin(arguments: Int) {
        precondition(lacking == 0 && arguments > 0, "the command before lacks arguments, or this one has none")
        count += 1
        lacking = arguments
        header(UInt8(ascii: "*"), arguments)
    }

    /// Begins a call of a script with so many keys and other arguments.
    package func begin(_ script: RedisScript, keys: Int, arguments: Int) {
        begin(arguments: 3 + keys + arguments)
        append("EVALSHA")
        append(text: script.digest)
        append(keys)
    }

    package func append(_ word: StaticString) {
        argument(word.utf8CodeUnitCount)
        builder.append(word)
        end()
    }

    package func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    package func append(_ bytes: UnsafeRawBufferPointer) {
        argument(bytes.count)
        builder.append(bytes)
        end()
    }

    package func append(_ bytes: some Collection<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ append(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { append($0) }
        }
    }

    package func append(_ number: Int) { append { $0.appendDecimal(number) } }

    /// An argument that a closure writes; a short one, since it is copied.
    package func append(_ write: (ByteBuilder) -> Void) {
        scratch.removeAll()
        write(scratch)
        append(scratch.bytes)
    }

    /// An argument of so many bytes, which a closure writes.
    package func append(byteCount: Int, _ write: (ByteBuilder) -> Void) {
        argument(byteCount)
        let start = builder.count
        write(builder)
        precondition(builder.count == start + byteCount, "an argument of another length than was said")
        end()
    }

    package func append(argument: RedisArgument) {
        switch argument {
        case .text(let text): append(text: text)
        case .bytes(let bytes): append(bytes)
        case .int(let number): append { $0.appendDecimal(number) }
        }
    }

    private func argument(_ length: Int) {
        precondition(lacking > 0, "more arguments than the command was begun with")
        header(UInt8(ascii: "$"), length)
    }

    private func header(_ kind: UInt8, _ number: Int) {
        builder.append(kind)
        builder.appendDecimal(number)
        builder.append("\r\n")
    }

    private func end() {
        builder.append("\r\n")
        lacking -= 1
    }
}
