import ArgumentParser

/// `rejoin bench`: the load generator.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measures a cluster: handshakes, idle sockets, acts, fan-out, the loss of a node, logins and logouts.",
        discussion: """
            Without --url it starts a cluster for each run and stops it afterwards: a private redis-server without \
            persistence and --nodes N nodes, registration open and limits raised far above their defaults, so that \
            the server is measured and not its limits; which ones is said under the table and in the JSON. Settings of \
            `rejoin serve --help` go to these nodes (--threads 1). With --url it measures nodes that run already, with \
            the limits they have; --pid names processes whose CPU time and memory are counted as theirs.

            A load is an open loop (--rate: so many a second, whatever the answers do) or a closed one (--in-flight or \
            --window: so many under way at a time). Latency counts from when something was meant to be sent, so that \
            what waits for a slow server is counted too.

            CPU times and memory are the kernel's (/proc/PID); the generator's own CPU stands beside them. Generator \
            and server share this machine's cores: trust ratios of figures of one run more than the figures.

            connect, idle, act and fanout measure any Socket.IO server whose events are named by options. A chat \
            server on python-socketio, say, whose process is 4711:

              rejoin bench fanout --url http://127.0.0.1:3000 --pid 4711 \\
                --join-event join --join-argument '{"room":"%room"}' \\
                --act-event say --deliver-event said \\
                --act-argument '{"room":"%room","text":"%stamp"}'

            Progress goes to standard error, the table (or with --json one JSON document) to standard output; --svg \
            draws the runs. Exit code 1: something was lost, doubled, out of order, refused or not back.
            """,
        subcommands: [
            BenchConnect.self, BenchIdle.self, BenchAct.self, BenchFanOut.self, BenchGrowth.self, BenchRejoin.self,
            BenchLogin.self, BenchLogout.self, BenchFloor.self,
        ])
}
