import ArgumentParser
import RejoinServer

/// `rejoin up`: a whole cluster on this machine.
///
/// It runs on the main thread and never leaves it: the children are told to die with the thread that started them.
struct UpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Runs a whole cluster on this machine.",
        usage:
            "rejoin up [--nodes N] [--port PORT] [--bots N] [--data FOLDER] [--program FILE] [--restart] [--KEY VALUE ...]",
        discussion: """
            A private redis-server in the data folder (unless REJOIN_REDIS_URL is set), nodes n1, n2, ..., and HAProxy \
            in front of them on --port when it is installed. Logs go to FOLDER/log. Ctrl-C drains and stops all of \
            it; a second Ctrl-C hurries. Nothing outlives `up`, even when it is killed.

            --port PORT    where HAProxy listens, on --host (default: 8080 on 127.0.0.1)
            --data FOLDER  accounts, the private Redis and logs (default: .rejoin)

            With --tls-cert and --tls-key HAProxy speaks TLS on --port, and plain HTTP to the nodes; without HAProxy the \
            nodes speak it themselves.

            --program FILE  runs nodes of a game server of your own, a program whose main is a NodeProgram \
            (docs/write-a-game.md); it is started as `FILE serve`, with the settings of `rejoin serve` in its environment.

            Every setting of `rejoin serve --help` can be given too, and goes to all nodes.
            """)

    @Option(help: "How many nodes, 1 to 16.")
    var nodes = 3
    @Option(help: "How many players without people wander in the arena, 0 to \(BotsCommand.allowed.upperBound).")
    var bots = 0
    @Option(help: "The program that nodes run, instead of this one.")
    var program: String?
    @Flag(help: "Start again what dies, after a pause that grows from 1 s to 30 s; a node that drained stays away.")
    var restart = false

    func validate() throws {
        guard (1...16).contains(nodes) else { throw ValidationError("--nodes is \(nodes), expected 1 to 16") }
        if program != nil, bots > 0 {
            throw ValidationError("--bots walk in the arena, which --program does not run: expected one of the two")
        }
        guard BotsCommand.allowed.contains(bots) else {
            throw ValidationError("--bots is \(bots), expected 0 to \(BotsCommand.allowed.upperBound)")
        }
    }

    func run() throws {
        let plan = try UpPlan(
            reader: Settings.reader(), flags: Settings.flags, nodes: nodes, bots: bots, program: program,
            restarts: restart)
        try LocalCluster(plan).run()
    }
}
