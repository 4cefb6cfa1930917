import Core
import Testing

@Test("every status is read back from its own name")
func statusNamesRoundTrip() {
    for status in AffiliateStatus.allCases {
        #expect(AffiliateStatus(name: "\(status.name)") == status)
    }
    #expect(AffiliateStatus(name: "Active") == nil)
}
