import Core

/// An affiliate's profile as bytes in place: UTF-8, not terminated, valid only inside the call that hands it out.
///
/// A field that is nil and a field that is empty differ.
package struct ProfileView {
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    package var registrationMicroseconds: Int64
    package var externalID: UnsafeRawBufferPointer
    package var referralCode: UnsafeRawBufferPointer?
    package var name: UnsafeRawBufferPointer
    package var email: UnsafeRawBufferPointer?
    package var phone: UnsafeRawBufferPointer?
    package var document: UnsafeRawBufferPointer?
    package var category: UnsafeRawBufferPointer

    package init(
        registrationMicroseconds: Int64, externalID: UnsafeRawBufferPointer, referralCode: UnsafeRawBufferPointer?,
        name: UnsafeRawBufferPointer, email: UnsafeRawBufferPointer?, phone: UnsafeRawBufferPointer?,
        document: UnsafeRawBufferPointer?, category: UnsafeRawBufferPointer
    ) {
        self.registrationMicroseconds = registrationMicroseconds
        self.externalID = externalID
        self.referralCode = referralCode
        self.name = name
        self.email = email
        self.phone = phone
        self.document = document
        self.category = category
    }

    /// A copy that may be kept. Bytes that are not UTF-8 are replaced as `String(decoding:as:)` does.
    package var profile: AffiliateProfile {
        func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
        return AffiliateProfile(
            externalID: text(externalID), referralCode: referralCode.map(text), name: text(name), email: email.map(text),
            phone: phone.map(text), document: document.map(text), category: text(category),
            registrationMicroseconds: registrationMicroseconds)
    }
}

extension AffiliateProfile {
    /// Lends the profile as bytes for the length of one call.
    func withView<R>(_ body: (ProfileView) throws(PartitionError) -> R) throws(PartitionError) -> R {
        var bytes: [UInt8] = []
        func add(_ text: String) -> Range<Int> {
            let start = bytes.count
            bytes.append(contentsOf: text.utf8)
            return start..<bytes.count
        }
        let external = add(externalID)
        let code = referralCode.map(add)
        let name = add(self.name)
        let email = self.email.map(add)
        let phone = self.phone.map(add)
        let document = self.document.map(add)
        let category = add(self.category)
        let result = bytes.withUnsafeBytes { all -> Result<R, PartitionError> in
            func field(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: all[range]) }
            let view = ProfileView(
                registrationMicroseconds: registrationMicroseconds, externalID: field(external),
                referralCode: code.map(field), name: field(name), email: email.map(field), phone: phone.map(field),
                document: document.map(field), category: field(category))
            do throws(PartitionError) { return .success(try body(view)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
