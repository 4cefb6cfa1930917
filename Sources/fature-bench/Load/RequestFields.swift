import CNGHTTP2

/// The header fields of the requests of a load, in memory that stays where it is: only the path is written anew for each request.
final class RequestFields {
    private static let pathBytesMax = 512

    private let getFields: UnsafeMutableBufferPointer<nghttp2_nv>
    private let postFields: UnsafeMutableBufferPointer<nghttp2_nv>
    private let path: UnsafeMutablePointer<UInt8>
    private var texts: [UnsafeMutablePointer<UInt8>] = []

    private static let pathIndex = 3

    init(authority: String, contentType: String = "application/json") {
        path = .allocate(capacity: Self.pathBytesMax)
        getFields = .allocate(capacity: 4)
        postFields = .allocate(capacity: 5)
        let shared = [(":scheme", "http"), (":authority", authority), (":path", "")]
        fill(getFields, [(":method", "GET")] + shared)
        fill(postFields, [(":method", "POST")] + shared + [("content-type", contentType)])
    }

    deinit {
        for text in texts { text.deallocate() }
        path.deallocate()
        getFields.deallocate()
        postFields.deallocate()
    }

    func get(_ path: String) -> UnsafeMutableBufferPointer<nghttp2_nv> { setPath(path, getFields) }
    func post(_ path: String) -> UnsafeMutableBufferPointer<nghttp2_nv> { setPath(path, postFields) }

    private func fill(_ list: UnsafeMutableBufferPointer<nghttp2_nv>, _ fields: [(String, String)]) {
        // nghttp2 need not copy what outlives the session; the path it copies.
        let kept = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        for (index, field) in fields.enumerated() {
            let isPath = index == Self.pathIndex
            list.initializeElement(
                at: index,
                to: nghttp2_nv(
                    name: copy(field.0), value: isPath ? path : copy(field.1), namelen: field.0.utf8.count,
                    valuelen: field.1.utf8.count, flags: isPath ? UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue) : kept))
        }
    }

    private func copy(_ text: String) -> UnsafeMutablePointer<UInt8> {
        let block = UnsafeMutablePointer<UInt8>.allocate(capacity: text.utf8.count)
        block.initialize(from: Array(text.utf8), count: text.utf8.count)
        texts.append(block)
        return block
    }

    private func setPath(_ text: String, _ list: UnsafeMutableBufferPointer<nghttp2_nv>) -> UnsafeMutableBufferPointer<nghttp2_nv>
    {
        precondition(text.utf8.count <= Self.pathBytesMax)
        var length = 0
        for byte in text.utf8 {
            path[length] = byte
            length += 1
        }
        list[Self.pathIndex].valuelen = length
        return list
    }
}
