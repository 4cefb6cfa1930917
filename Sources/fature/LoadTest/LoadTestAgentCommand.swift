import ArgumentParser
import Core
import LoadCheck
import LoadEngine
import LoadPlan
import LoadReport
import Telemetry

/// `fature loadtest agent`.
struct LoadTestAgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Send loads from this host for `fature loadtest run --agents`.",
        discussion: """
            An agent waits for a controller, sends its share of that one's load, and waits for the next; Ctrl-C ends it, and a run with it. It needs nothing
            but the way to the target: the network and the scenario come from the controller, which alone runs events and asks PostgreSQL.

            Who may order an agent can have load sent to any address. On another address than loopback it therefore wants a token, and the controller
            the same one.

            Example: openssl rand -hex 32 > token && chmod 600 token
            Example: fature loadtest agent --listen 10.0.0.8:7400 --token-file token

            Exit status: 0 ended by Ctrl-C or SIGTERM, 3 it cannot listen, or not without a token, 64 bad flag.
            """)

    @Option(help: ArgumentHelp("Where controllers find it; port 0: any that is free.", valueName: "host:port"))
    var listen = "127.0.0.1:7400"

    @OptionGroup var token: AgentTokenOption

    private static let stopMilliseconds = 1000

    func run() throws {
        let events = try ProcessEvents()
        let server: AgentServer
        do throws(LoadSetUpError) {
            let address = try AgentAddress(listen)
            server = try AgentServer(host: address.host, port: address.port, token: try token.read()) {
                try Self.work($0, $1)
            }
        } catch {
            throw CommandError(.setUp, error.description)
        }
        let isServing = DetachedThread.start { server.serve { Self.log($0) } }
        guard isServing else { throw CommandError(.systemRefused, "no thread to listen with") }
        Self.log("listening on \(server.address)\(token.tokenFile == nil ? ", for this host alone" : "")")
        while events.stopRequests == 0 { events.wait(milliseconds: Self.stopMilliseconds) }
        server.stop()
        Self.log("ended")
    }

    /// The run of an order, with witnesses if the controller compares what they see.
    private static func work(_ order: AgentOrder, _ population: Population) throws -> AgentWork {
        let maker = try RequestMaker(order.scenario, population, runName: order.runName)
        let witness = order.isChecked ? CheckWitness(order.scenario) : nil
        let run = LoadRun(
            order.scenario, maker, target: order.target, environment: ThisMachine.environment(target: order.target),
            agent: order.agent, of: order.agents, name: order.name, observer: witness?.observer)
        return AgentWork(run) { witness?.observations.bytes ?? [] }
    }

    private static func log(_ line: String) {
        let moment = ByteBuilder()
        moment.appendRFC3339(unixMicroseconds: wallClockMicroseconds())
        Console.progress("\(String(decoding: moment.bytes, as: UTF8.self)) \(Hostile.visible(line))")
    }
}
