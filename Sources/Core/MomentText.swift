/// Moments as people and JSON have them.
package enum MomentText {
    /// RFC 3339 in UTC.
    package static func of(microseconds: Int64) -> String {
        let text = ByteBuilder()
        text.appendRFC3339(unixMicroseconds: microseconds)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// How long ago, such as `12 s` or `3 h`.
    package static func age(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds) / 1000
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7_200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3_600) h"
        default: return "\(seconds / 86_400) d"
        }
    }
}
