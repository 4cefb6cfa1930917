import Core
import Glibc

/// Who has a job in hand: `host-pid-boot`, with the lane in a process. Never used again, so that a late answer of a consumer that
/// has been given up for lost cannot be taken for that of its successor.
package struct ConsumerName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// The consumer that holds what was released until somebody takes it. No name of ours has its form.
    static let released = "released"
    private static let hostBytesMax = 64

    private init(text: String) { self.text = text }

    /// A name that no other call gives, on any host.
    package static func make() -> ConsumerName {
        var buffer = [CChar](repeating: 0, count: 256)
        let isKnown = gethostname(&buffer, buffer.count - 1) == 0
        let host = isKnown ? buffer.prefix { $0 != 0 }.prefix(hostBytesMax).map { UInt8(bitPattern: $0) } : Array("host".utf8)
        let letters = host.map { byte in
            (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == 46
                ? byte : UInt8(ascii: "-")
        }
        let boot = String(UInt64.random(in: .min ... .max), radix: 36)
        return ConsumerName(text: "\(String(decoding: letters, as: UTF8.self))-\(getpid())-\(boot)")
    }

    /// A lane of this consumer; a lane that replaces another has the next generation.
    package func lane(_ lane: Int, generation: Int) -> ConsumerName { ConsumerName(text: "\(text)/\(lane).\(generation)") }

    package var description: String { text }
}
