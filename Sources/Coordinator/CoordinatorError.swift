/// Why a coordinator does not answer operators.
package enum CoordinatorError: Error, Equatable, CustomStringConvertible {
    case cannotListen(address: String, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason):
            "cannot listen for operators on \(address) (\(reason)); choose another --admin-listen, or see whose it is: ss -ltnp"
        }
    }
}
