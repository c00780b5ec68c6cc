import EngineIO
import NIOCore
import SocketIO

extension MicroBenchmark {
    static let socketIO = [
        MicroBenchmark("socketio-decode", "read an event with an acknowledgement, 150 bytes, and its argument") {
            count in
            let wire = ByteBuffer(string: "217[\"act\",{\"room\":\"lobby\",\"id\":\"a-1\",\"action\":\(action)}]")
            var successes = 0
            for _ in 0..<count {
                guard let packet = SocketPacket(wire), let event = SocketEvent(packet) else { continue }
                if try event.payload().arguments.count == 1 { successes += 1 }
            }
            return successes
        },
        MicroBenchmark("socketio-members", "find three members of an event's argument, and read two as strings") {
            count in
            let argument = try JSONBytes(
                validating: ByteBuffer(string: "{\"room\":\"lobby\",\"id\":\"a-1\",\"action\":\(action)}"))
            var successes = 0
            for _ in 0..<count
            where argument["room"]?.string == "lobby" && argument["id"]?.string == "a-1" && argument["action"] != nil {
                successes += 1
            }
            return successes
        },
        MicroBenchmark("socketio-encode", "write an event for many receivers: 100 bytes of argument") { count in
            let argument = ByteBuffer(string: "{\"text\":\"\(text(90))\"}")
            var successes = 0
            for _ in 0..<count where EncodedMessage(event: "patch", argument: argument).byteCount > 100 {
                successes += 1
            }
            return successes
        },
    ]

    static let action = "{\"set\":{\"score/7\":{\"text\":\"\(text(80))\"}}}"
}
