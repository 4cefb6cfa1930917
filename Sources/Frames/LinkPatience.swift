/// When a connection between a gateway and a worker counts as dead though nobody has closed it: its cable is cut, or the other host is gone.
///
/// Without it TCP goes on trying for a quarter of an hour, at longer and longer intervals, so that also a link which is back again stays silent.
package enum LinkPatience {
    /// What was sent may stay unacknowledged so long. Below a gateway's deadline, so that others need not wait for theirs; above the pauses that
    /// TCP makes for a few lost packets. The other kernel acknowledges for a busy or stopped process, until that one's receive buffer is full.
    package static let unacknowledgedMilliseconds = 1500
    /// After so much silence the other end is asked for a sign of life.
    package static let idleSeconds = 1
    /// How often it is asked until it counts as dead.
    package static let probeIntervalSeconds = 1
    package static let probesMax = 2

    /// TCP's options by their numbers in Linux (`tcp(7)`), for whoever sets them: TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT.
    package static let options: [(name: CInt, value: Int)] = [
        (4, idleSeconds), (5, probeIntervalSeconds), (6, probesMax), (18, unacknowledgedMilliseconds),
    ]
}
