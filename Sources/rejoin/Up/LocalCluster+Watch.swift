#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension LocalCluster {
    /// Reports what dies, and starts it again when that was asked for, until somebody asks to stop.
    ///
    /// - Throws: ``Interruption/asked``, or ``Failure`` when Redis is lost and not to be started again.
    func watch() throws -> Never {
        var wasReady = readyNodes
        while true {
            if stopRequests > 0 { throw Interruption.asked }
            for member in members {
                if let child = member.child, child.reap(), let ending = child.ending {
                    try report(member, child, ending)
                }
                if let due = member.restartAt, due <= .now {
                    member.restartAt = nil
                    try startAgain(member)
                }
            }
            if readyNodes != wasReady {
                wasReady = readyNodes
                try writeClusterFile()
            }
            // The end of a child is a signal, which ends the wait.
            turn(for: .milliseconds(250))
        }
    }

    private var readyNodes: [pid_t] { nodes.filter(\.isReady).compactMap { $0.child?.pid } }

    private func report(_ member: Member, _ child: Child, _ ending: Child.Ending) throws {
        let age = ContinuousClock.now - child.startedAt
        let isNode = nodes.contains { $0 === member }
        let part = isNode ? "node \(member.name)" : member.name
        let left = nodes.count { $0.child?.isAlive ?? false }
        member.isReady = false
        // A node ends with 0 when it was asked to leave, and has let its players go.
        if isNode, case .exited(0) = ending {
            return Terminal.say("\(part) (pid \(child.pid)) has drained and left, \(left) of \(nodes.count) nodes left")
        }
        var line =
            "\(part) (pid \(child.pid)) \(ending) after \(NodesCommand.uptime(milliseconds: Int(age / .milliseconds(1))))"
        if isNode { line += ", \(left) of \(nodes.count) nodes left" }
        if case .exited = ending { line += tail(of: member) }
        Terminal.complain(line)
        guard plan.restarts else {
            if member === redis { throw Failure("without Redis there is no cluster, see \(log(of: redis))") }
            if !hasSaidThatNothingRestarts {
                hasSaidThatNothingRestarts = true
                Terminal.say("nothing is started again without --restart")
            }
            return
        }
        // What lived for a minute begins anew with short pauses.
        if age > .seconds(60) { member.pause = .seconds(1) }
        Terminal.say("\(part) starts again in \(Int(member.pause / .seconds(1))) s")
        member.restartAt = .now + member.pause
        member.pause = min(member.pause * 2, .seconds(30))
    }

    private func startAgain(_ member: Member) throws {
        if member === redis {
            try restartRedis()
        } else if member === proxy {
            try launchProxy()
            Terminal.say("haproxy on \(proxyURL ?? "") again")
        } else if member === bots {
            try startBots()
        } else {
            try launch(member)
        }
    }
}
