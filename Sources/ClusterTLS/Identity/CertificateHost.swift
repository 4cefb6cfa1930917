import NIOCore
import SwiftASN1
import X509

/// A host that a certificate is for: a DNS name or an IP address.
package enum CertificateHost: Hashable, Sendable, CustomStringConvertible {
    case name(String)
    /// In network order, 4 or 16 bytes; with the text it was read from.
    case address([UInt8], text: String)

    private static let nameCharactersMax = 253
    private static let labelCharactersMax = 63

    /// - Throws: `badHost` for what is neither.
    package init(_ text: String) throws(ClusterTLSError) {
        if let address = try? SocketAddress(ipAddress: text, port: 0) {
            self = .address(Self.bytes(of: address), text: text)
            return
        }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let isName =
            text.utf8.count <= Self.nameCharactersMax
            && labels.allSatisfy { label in
                !label.isEmpty && label.utf8.count <= Self.labelCharactersMax && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { byte in
                        let character = Character(UnicodeScalar(byte))
                        return byte < 0x80 && (character.isLetter || character.isNumber || character == "-" || character == "_")
                    }
            }
            // Digits alone would be an address that is not one, such as 10.0.0.
            && labels.last?.contains(where: \.isLetter) == true
        guard isName else {
            throw ClusterTLSError(.badHost, "`\(text)` is neither a host name nor an IP address (without port or brackets)")
        }
        self = .name(text.lowercased())
    }

    /// As a certificate holds it; nil for other sorts of names.
    init?(_ name: GeneralName) {
        switch name {
        case .dnsName(let text): self = .name(text)
        case .ipAddress(let bytes):
            let bytes = Array(bytes.bytes)
            var buffer = ByteBuffer(bytes: bytes)
            guard bytes.count == 4 || bytes.count == 16,
                let address = try? SocketAddress(packedIPAddress: buffer.readSlice(length: bytes.count) ?? buffer, port: 0),
                let text = address.ipAddress
            else { return nil }
            self = .address(bytes, text: text)
        default: return nil
        }
    }

    var generalName: GeneralName {
        switch self {
        case .name(let text): .dnsName(text)
        case .address(let bytes, _): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
    }

    package var description: String {
        switch self {
        case .name(let text), .address(_, let text): text
        }
    }

    private static func bytes(of address: SocketAddress) -> [UInt8] {
        switch address {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: []
        }
    }
}
