import ArgumentParser
import LoadCheck
import LoadEngine
import LoadPlan

/// Which agents send the load, if not this host alone.
struct AgentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Share the load among these instances of `fature loadtest agent`, instead of sending it from here: HOST:PORT, or several with commas.",
            valueName: "agents"))
    var agents: [String] = []

    @OptionGroup var token: AgentTokenOption

    /// - Throws: `CommandError` with exit status 3.
    func read() throws(CommandError) -> AgentFleet {
        do throws(LoadSetUpError) {
            var found: [AgentAddress] = []
            for text in agents.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
                found.append(try AgentAddress(String(text)))
            }
            return AgentFleet(agents: found, token: try token.read())
        } catch {
            throw CommandError(.setUp, error.description)
        }
    }
}

/// The secret of controller and agents, from a file: a command line is for everybody to see.
struct AgentTokenOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "File whose first line is the secret that controller and agents share; `openssl rand -hex 32` makes one.",
            valueName: "file"))
    var tokenFile: String?

    func read() throws(LoadSetUpError) -> AgentToken? {
        guard let tokenFile else { return nil }
        return try AgentToken(file: tokenFile)
    }
}

/// The agents of a run.
struct AgentFleet {
    let agents: [AgentAddress]
    let token: AgentToken?

    /// The load is sent from here.
    var isEmpty: Bool { agents.isEmpty }

    /// What the agents' witnesses have seen, as one.
    ///
    /// - Throws: when an agent was lost: nobody knows then what it had sent.
    func observations(_ result: AgentRunResult, _ scenario: Scenario) throws(LoadCheckError) -> CheckObservations {
        var seen: [(name: String, bytes: [UInt8])] = []
        for (agent, bytes) in zip(agents, result.observations) {
            guard let bytes else {
                throw LoadCheckError("agent \(agent) was lost, and with it what it had sent")
            }
            seen.append(("\(agent)", bytes))
        }
        return try CheckObservations(agents: seen, of: scenario)
    }
}
