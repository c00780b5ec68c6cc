import JSONWebTokens
import Testing

@Suite struct JSONWebTokenErrorTests {
    @Test func `an error says its code and its message`() {
        #expect(JSONWebTokenError(.invalidToken, "it has expired").message == "it has expired")
    }
}
