import CNGHTTP2
import Core
import LoadPlan

/// The header fields of all requests of a run, in memory that stays where it is: only the path differs.
///
/// nghttp2 copies none of it, so a request has to be drained before the next one is laid out.
final class RequestHead {
    private let getFields: UnsafeMutableBufferPointer<nghttp2_nv>
    private let postFields: UnsafeMutableBufferPointer<nghttp2_nv>
    private var texts: [UnsafeMutablePointer<UInt8>] = []

    private static let pathIndex = 3

    init(_ target: LoadTarget) {
        getFields = .allocate(capacity: 4)
        postFields = .allocate(capacity: 5)
        let shared = [(":scheme", target.isTLS ? "https" : "http"), (":authority", target.authority), (":path", "")]
        fill(getFields, [(":method", "GET")] + shared)
        fill(postFields, [(":method", "POST")] + shared + [("content-type", "application/json")])
    }

    deinit {
        for text in texts { text.deallocate() }
        getFields.deallocate()
        postFields.deallocate()
    }

    /// The fields of a request; valid until the next call, and as long as the request's path.
    func fields(_ request: borrowing PlannedRequest) -> UnsafeMutableBufferPointer<nghttp2_nv> {
        let fields = request.isPost ? postFields : getFields
        let path = request.path.bytes
        fields[Self.pathIndex].value = UnsafeMutablePointer(
            mutating: path.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
        fields[Self.pathIndex].valuelen = path.count
        return fields
    }

    private func fill(_ list: UnsafeMutableBufferPointer<nghttp2_nv>, _ fields: [(String, String)]) {
        let kept = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        for (index, field) in fields.enumerated() {
            list.initializeElement(
                at: index,
                to: nghttp2_nv(
                    name: copy(field.0), value: copy(field.1), namelen: field.0.utf8.count, valuelen: field.1.utf8.count,
                    flags: kept))
        }
    }

    private func copy(_ text: String) -> UnsafeMutablePointer<UInt8> {
        let block = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
        block.initialize(from: Array(text.utf8), count: text.utf8.count)
        texts.append(block)
        return block
    }
}
