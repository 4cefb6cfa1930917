import Core
import Gateway

/// Any bytes as a request target: a route or a refusal, and a number that was read is the number that stands there.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTargets(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let target = UnsafeRawBufferPointer(start: data, count: size)
    do throws(TargetError) {
        let route = try TargetParser.parse(target)
        if case .affiliate(let id) = route {
            precondition(id.isValid && String(decoding: target, as: UTF8.self).contains(String(id.rawValue)))
        }
        if case .network(let page) = route {
            precondition(page.affiliate.isValid && page.depth >= 1 && page.depth <= NetworkPage.depthMax)
            precondition(page.limit <= NetworkPage.limitMax)
        }
    } catch { return 0 }
    return 0
}
