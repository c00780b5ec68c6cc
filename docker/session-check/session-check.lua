-- `http-request lua.session_check URL`: asks Rejoin who sends the request.
--
-- Sets txn.session_status to the status of the answer, 0 when there was none, and for a player (204) txn.session_user,
-- percent-encoded, and txn.session_user_id.

local forwarded = { "host", "cookie", "x-forwarded-for", "x-forwarded-proto" }

core.register_action("session_check", { "http-req" }, function(txn, url)
    local asked = txn.http:req_get_headers()
    local headers = {}
    for _, name in ipairs(forwarded) do
        if asked[name] then
            local values = {}
            -- All of them: two cookies of one name are refused, not guessed at.
            for _, value in pairs(asked[name]) do
                table.insert(values, value)
            end
            headers[name] = values
        end
    end
    local answer = core.httpclient():get{ url = url, headers = headers }
    local status = answer and answer.status or 0
    txn:set_var("txn.session_status", status)
    if status == 204 then
        txn:set_var("txn.session_user", answer.headers["x-rejoin-user"][0])
        txn:set_var("txn.session_user_id", answer.headers["x-rejoin-user-id"][0])
    end
end, 1)
