import SwiftASN1
import X509

/// Certificates as PEM text.
enum CertificateText {
    /// All certificates of a file, one at least.
    /// - Throws: `unreadable`, naming the file.
    static func certificates(_ text: String, file: String) throws(ClusterTLSError) -> [Certificate] {
        let documents: [PEMDocument]
        do { documents = try PEMDocument.parseMultiple(pemString: text) } catch {
            throw ClusterTLSError(.unreadable, "\(file) is not PEM (\(error)); it must begin with -----BEGIN CERTIFICATE-----")
        }
        if let other = documents.first(where: { $0.discriminator != Certificate.defaultPEMDiscriminator }) {
            throw ClusterTLSError(.unreadable, "\(file) holds a \(other.discriminator), where certificates alone belong")
        }
        guard !documents.isEmpty else { throw ClusterTLSError(.unreadable, "\(file) holds no certificate in PEM") }
        do { return try documents.map { try Certificate(pemDocument: $0) } } catch {
            throw ClusterTLSError(.unreadable, "\(file) holds a certificate that cannot be read (\(error))")
        }
    }

    static func text(of certificate: Certificate) throws(ClusterTLSError) -> String {
        do { return try certificate.serializeAsPEM().pemString + "\n" } catch {
            throw ClusterTLSError(.library, "cannot write a certificate: \(error)")
        }
    }

    /// DER.
    static func bytes(of certificate: Certificate) throws(ClusterTLSError) -> [UInt8] {
        var serializer = DER.Serializer()
        do { try serializer.serialize(certificate) } catch {
            throw ClusterTLSError(.library, "cannot write a certificate: \(error)")
        }
        return serializer.serializedBytes
    }
}
