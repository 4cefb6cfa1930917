import CNGHTTP2
import Core
import Glibc

/// How a `NullServer` answers: belongs to its thread.
final class NullRules {
    let streamsMax: Int
    let body: UnsafeRawBufferPointer
    private let script: (@Sendable (NullRequest) -> NullAnswer)?
    private let stalled: (NullServer.Stall) -> Void
    private(set) var requests = 0
    private var fieldsByStatus: [Int: UnsafeMutableBufferPointer<nghttp2_nv>] = [:]
    private let ok: UnsafeMutableBufferPointer<nghttp2_nv>
    private var texts: [UnsafeMutablePointer<CChar>] = []

    init(
        streamsMax: Int, bodyBytes: Int, script: (@Sendable (NullRequest) -> NullAnswer)?,
        stalled: @escaping (NullServer.Stall) -> Void
    ) {
        self.streamsMax = streamsMax
        self.script = script
        self.stalled = stalled
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: bodyBytes, alignment: 16)
        bytes.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "x"))
        body = UnsafeRawBufferPointer(bytes)
        ok = .allocate(capacity: 1)
        fill(ok, 200)
    }

    deinit {
        body.deallocate()
        for fields in fieldsByStatus.values { fields.deallocate() }
        ok.deallocate()
        for text in texts { Glibc.free(text) }
    }

    var isScripted: Bool { script != nil }

    func answer(connection: Int, path: String) -> NullAnswer {
        requests += 1
        guard let script else { return .status(200) }
        return script(NullRequest(number: requests - 1, connection: connection, path: path))
    }

    func fields(_ status: Int) -> UnsafeMutableBufferPointer<nghttp2_nv> {
        if status == 200 { return ok }
        if let known = fieldsByStatus[status] { return known }
        let list = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: 1)
        fill(list, status)
        fieldsByStatus[status] = list
        return list
    }

    private func fill(_ list: UnsafeMutableBufferPointer<nghttp2_nv>, _ status: Int) {
        let kept = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        list.initializeElement(
            at: 0, to: nghttp2_nv(name: copy(":status"), value: copy("\(status)"), namelen: 7, valuelen: 3, flags: kept))
    }

    private func copy(_ text: String) -> UnsafeMutablePointer<UInt8>? {
        guard let block = strdup(text) else { return nil }
        texts.append(block)
        return UnsafeMutableRawPointer(block).assumingMemoryBound(to: UInt8.self)
    }

    /// The server's thread does nothing for so long.
    func stall(milliseconds: Int) {
        let begin = monotonicNow()
        let end = begin + UInt64(milliseconds) * 1_000_000
        while monotonicNow() < end { usleep(1000) }
        stalled(NullServer.Stall(begin: begin, end: monotonicNow()))
    }
}
