import CNGHTTP2
import Core

/// The header fields of an answer, laid out for `nghttp2_submit_response` in memory that is reused.
///
/// Names and values are not copied by nghttp2: names and content types are static, the rest lives in the slot until its stream closes.
final class HeaderBlock {
    let fields: UnsafeMutablePointer<nghttp2_nv>
    static let fieldsMax = 5

    init() {
        fields = .allocate(capacity: Self.fieldsMax)
        fields.initialize(repeating: nghttp2_nv(), count: Self.fieldsMax)
    }

    deinit { fields.deallocate() }

    private static let noCopy = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    /// A value that never comes again is kept out of the compression table (RFC 7541, section 6.2.3).
    private static let noIndex = noCopy | UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue)

    /// Lays out the answer in `slot`; returns how many fields.
    func fill(from slab: RequestSlab, slot index: Int) -> Int {
        let scratch = slab.scratch(of: index)
        let status = scratch + RequestSlab.statusOffset
        let code = slab[index].status
        status.storeBytes(of: UInt8(truncatingIfNeeded: code / 100) + 48, toByteOffset: 0, as: UInt8.self)
        status.storeBytes(of: UInt8(truncatingIfNeeded: code / 10 % 10) + 48, toByteOffset: 1, as: UInt8.self)
        status.storeBytes(of: UInt8(truncatingIfNeeded: code % 10) + 48, toByteOffset: 2, as: UInt8.self)
        set(0, ":status", status, 3, Self.noCopy)

        let type = slab[index].bodyType.contentType
        set(1, "content-type", UnsafeRawPointer(type.utf8Start), type.utf8CodeUnitCount, Self.noCopy)

        let length = scratch + RequestSlab.lengthOffset
        let end = length + RequestSlab.lengthBytes
        var start = end
        var rest = slab[index].answer.count
        repeat {
            start -= 1
            start.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) + 48, as: UInt8.self)
            rest /= 10
        } while rest > 0
        set(2, "content-length", start, end - start, Self.noCopy)

        set(3, "x-request-id", scratch, Int(slab[index].requestIDCount), Self.noIndex)

        let extra = slab.extraValue(of: index)
        switch slab[index].extraHeader {
        case .none: return 4
        case .allow: set(4, "allow", extra.baseAddress, extra.count, Self.noCopy)
        case .retryAfter: set(4, "retry-after", extra.baseAddress, extra.count, Self.noCopy)
        case .location: set(4, "location", extra.baseAddress, extra.count, Self.noIndex)
        }
        return 5
    }

    private func set(_ at: Int, _ name: StaticString, _ value: UnsafeRawPointer?, _ count: Int, _ flags: UInt8) {
        fields[at].name = UnsafeMutablePointer(mutating: name.utf8Start)
        fields[at].namelen = name.utf8CodeUnitCount
        fields[at].value = UnsafeMutablePointer(mutating: value?.assumingMemoryBound(to: UInt8.self))
        fields[at].valuelen = count
        fields[at].flags = flags
    }
}
