import Core
import Frames
import Gateway

/// Any bytes as a request target: a route or a refusal, and a number that was read is the number that stands there.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTargets(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let target = UnsafeRawBufferPointer(start: data, count: size)
    checkCursor(target)
    do throws(TargetError) {
        let route = try TargetParser.parse(target)
        if case .affiliate(let id) = route {
            precondition(id.isValid && String(decoding: target, as: UTF8.self).contains(String(id.rawValue)))
        }
        if case .affiliateCommissions(let id) = route {
            let listing = try TargetParser.commissionListing(target, of: id)
            precondition(listing.affiliate == id && (1...CommissionListing.limitMax).contains(listing.limit))
        }
        if case .network(let page) = route {
            precondition(page.affiliate.isValid && page.depth >= 1 && page.depth <= NetworkPage.depthMax)
            precondition(page.limit <= NetworkPage.limitMax)
        }
    } catch { return 0 }
    return 0
}

/// No fuzzer finds a check by trying: the fields behind it are read from any bytes, and the cursor they make is read as it was written.
private func checkCursor(_ bytes: UnsafeRawBufferPointer) {
    var fields = FieldReader(bytes)
    guard let cursor = CommissionCursor(from: &fields) else { return }
    do {
        let id = AffiliateID(1)
        let listing = try TargetParser.commissionListing(UnsafeRawBufferPointer(start: nil, count: 0), of: id)
        let target = Array("/api/v2/affiliates/1/commissions?cursor=\(listing.text(of: cursor))".utf8)
        let again = try target.withUnsafeBytes { try TargetParser.commissionListing($0, of: id) }
        precondition(again.cursor == cursor)
    } catch { preconditionFailure("a cursor of ours is refused: \(error)") }
}
