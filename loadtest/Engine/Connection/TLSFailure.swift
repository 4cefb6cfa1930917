import NIOSSL

/// What went wrong in a TLS handshake, for people.
enum TLSFailure {
    static func text(_ target: LoadTarget, _ error: (any Error)?) -> String {
        guard let error else { return "\(target.url) ended the TLS handshake; is it a TLS server?" }
        let detail = "\(error)"
        if let extra = error as? NIOSSLExtraError, extra == .failedToValidateHostname {
            return "the certificate of \(target.url) is for another host than \(target.host) (\(detail))"
        }
        if detail.contains("CERTIFICATE_VERIFY_FAILED") {
            let authority =
                target.caFile.map { "the CA in \($0)" }
                ?? (target.certificates == nil ? "a CA of the system" : "the controller's CA")
            return
                "the certificate of \(target.url) is not signed by \(authority), or not valid now (\(detail)); name its CA with --ca-file"
        }
        if detail.contains("WRONG_VERSION_NUMBER") { return "\(target.url) does not speak TLS (\(detail)); is it http?" }
        return "no TLS with \(target.url): \(detail)"
    }
}
