import LoadCheck
import Testing

private func statuses(_ body: String) -> [Int] {
    var statuses = [9]
    Array(body.utf8).withUnsafeBytes { ItemStatuses.read($0, into: &statuses) }
    return statuses
}

@Test("the statuses of a batch's transactions are read in order, whatever stands between them")
func statusesInOrder() {
    let body =
        #"{"results":[{"status":201,"transaction_id":4},{"status": 409,"detail":"x"},{"transaction_id":5,"status":503}]}"#
    #expect(statuses(body) == [201, 409, 503])
}

@Test("a body that ends too early, or whose status is no status, is no trap")
func hostileBodies() {
    #expect(statuses("{\"status\":") == [])
    #expect(statuses("") == [])
    #expect(statuses(#"{"status":99999999999999999999999999}"#) == [9999])
    #expect(statuses(#"{"status":x,"detail":"y"}"#) == [0])
}
