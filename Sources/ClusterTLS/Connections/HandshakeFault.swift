import NIOSSL

/// What an error in a handshake means.
enum HandshakeFault {
    static func refusal(_ error: any Error) -> PeerRefusal {
        switch error {
        case NIOSSLError.uncleanShutdown: return .closed
        case NIOSSLError.handshakeFailed(let error): return refusal(error)
        // Once we have done our part of the handshake, errors come as they are.
        case let error as BoringSSLError: return refusal(error)
        default: return .failed(text(of: error))
        }
    }

    private static func refusal(_ error: BoringSSLError) -> PeerRefusal {
        switch error {
        case .sslError(let stack):
            // As in `error:…:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at FILE:LINE`.
            refusal(stack.compactMap { word(in: "\($0)") })
        case .zeroReturn, .syscallError: .closed
        default: .failed(text(of: error))
        }
    }

    private static func word(in text: String) -> String? {
        text.split(separator: " ").lazy.compactMap { part in
            part.range(of: "OPENSSL_internal:").map { String(part[$0.upperBound...]) }
        }.first
    }

    private static func refusal(_ words: [String]) -> PeerRefusal {
        for word in words {
            switch word {
            case "PEER_DID_NOT_RETURN_A_CERTIFICATE": return .noCertificate
            case "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION": return .oldTLS
            case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNEXPECTED_RECORD", "BAD_PACKET_LENGTH":
                return .notTLS
            case let word where word.contains("_ALERT_"): return .refusedByPeer(alert: word)
            default: continue
            }
        }
        return .failed(words.isEmpty ? "the handshake failed" : words.joined(separator: ", "))
    }

    private static let textCharactersMax = 160

    private static func text(of error: any Error) -> String { String("\(error)".prefix(textCharactersMax)) }
}
