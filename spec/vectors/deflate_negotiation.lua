-- Agreeing on permessage-deflate. Sections are those of RFC 7692.
--
-- name, section, options (as ws.protocol takes them; absent: no takeover, all windows). On a
-- server: offers (the value of the client's Sec-WebSocket-Extensions) and answer (absent: none will
-- do). On a client: offer (what it must send) or reply (the server's answer), with error (the code
-- of the broken rule; absent: accepted). agreement: what both must go by, as far as it is given.

local takeover = { takeover = true }
local small = { takeover = true, window_bits = 10, max_window_bits_of_peer = 11 }

local plain = "permessage-deflate"
local no_takeover = "; server_no_context_takeover; client_no_context_takeover"
local both = plain .. no_takeover

-- What a server that takes over must decline, each as an offer of its own.
local declined = {
  { "another extension", "5.1", "permessage-bzip2" },
  { "a name in capitals", "5.1", "Permessage-Deflate" },
  { "an unknown parameter", "7.1", plain .. "; no_such_parameter" },
  { "an unknown parameter with a value", "7.1", plain .. "; level=9" },
  { "server_no_context_takeover with a value", "7.1.1.1",
    plain .. "; server_no_context_takeover=1" },
  { "client_no_context_takeover with a value", "7.1.1.2",
    plain .. "; client_no_context_takeover=true" },
  { "server_no_context_takeover twice", "7.1",
    plain .. "; server_no_context_takeover; server_no_context_takeover" },
  { "client_no_context_takeover twice", "7.1",
    plain .. "; client_no_context_takeover; client_no_context_takeover" },
  { "server_max_window_bits twice", "7.1",
    plain .. "; server_max_window_bits=10; server_max_window_bits=10" },
  { "client_max_window_bits twice", "7.1",
    plain .. "; client_max_window_bits; client_max_window_bits=10" },
  { "server_max_window_bits without a value", "7.1.2.1", plain .. "; server_max_window_bits" },
  { "server_max_window_bits of 7", "7.1.2.1", plain .. "; server_max_window_bits=7" },
  { "server_max_window_bits of 8, which zlib cannot do", "7.1.2.1",
    plain .. "; server_max_window_bits=8" },
  { "server_max_window_bits of 16", "7.1.2.1", plain .. "; server_max_window_bits=16" },
  { "server_max_window_bits of 0", "7.1.2.1", plain .. "; server_max_window_bits=0" },
  { "a leading zero", "7.1.2.1", plain .. "; server_max_window_bits=09" },
  { "a sign", "7.1.2.1", plain .. "; server_max_window_bits=+9" },
  { "no number", "7.1.2.1", plain .. "; server_max_window_bits=x" },
  { "three digits", "7.1.2.1", plain .. "; server_max_window_bits=100" },
  { "client_max_window_bits of 7", "7.1.2.2", plain .. "; client_max_window_bits=7" },
  { "client_max_window_bits of 16", "7.1.2.2", plain .. "; client_max_window_bits=16" },
  { "client_max_window_bits of 015", "7.1.2.2", plain .. "; client_max_window_bits=015" },
}

local cases = {
  -- what a server answers
  { name = "a plain offer", section = "7.1", offers = plain, answer = both,
    agreement = { own_bits = 15, peer_bits = 15, own_takeover = false, peer_takeover = false } },
  { name = "a plain offer, with takeover", section = "7.1", options = takeover, offers = plain,
    answer = plain, agreement = { own_takeover = true, peer_takeover = true } },
  { name = "a browser's offer", section = "7.1.2.2",
    offers = plain .. "; client_max_window_bits", answer = both },
  { name = "server_no_context_takeover", section = "7.1.1.1", options = takeover,
    offers = plain .. "; server_no_context_takeover",
    answer = plain .. "; server_no_context_takeover",
    agreement = { own_takeover = false, peer_takeover = true, peer_forgets = true } },
  { name = "client_no_context_takeover", section = "7.1.1.2", options = takeover,
    offers = plain .. "; client_no_context_takeover",
    answer = plain .. "; client_no_context_takeover",
    agreement = { own_takeover = true, peer_takeover = false } },
  { name = "server_max_window_bits", section = "7.1.2.1", options = takeover,
    offers = plain .. "; server_max_window_bits=9", answer = plain .. "; server_max_window_bits=9",
    agreement = { own_bits = 9 } },
  { name = "a larger window than the server wants", section = "7.1.2.1", options = small,
    offers = plain .. "; server_max_window_bits=12; client_max_window_bits",
    answer = plain .. "; server_max_window_bits=10; client_max_window_bits=11",
    agreement = { own_bits = 10, peer_bits = 11 } },
  { name = "a client that does not let itself be limited", section = "7.1.2.2", options = small,
    offers = plain, answer = plain .. "; server_max_window_bits=10",
    agreement = { own_bits = 10, peer_bits = 15 } },
  { name = "client_max_window_bits with a value", section = "7.1.2.2", options = takeover,
    offers = plain .. "; client_max_window_bits=8", answer = plain .. "; client_max_window_bits=8",
    agreement = { peer_bits = 8 } },
  { name = "client_max_window_bits above ours", section = "7.1.2.2", options = small,
    offers = plain .. "; client_max_window_bits=15",
    answer = plain .. "; server_max_window_bits=10; client_max_window_bits=11" },
  { name = "quoted values", section = "5.2", options = takeover,
    offers = plain .. '; server_max_window_bits="10"; client_max_window_bits="1\\1"',
    answer = plain .. "; server_max_window_bits=10; client_max_window_bits=11" },
  { name = "white space", section = "5.2", options = takeover,
    offers = " " .. plain .. " ;\tserver_max_window_bits = 10 ; client_no_context_takeover ",
    answer = plain .. "; client_no_context_takeover; server_max_window_bits=10" },
  { name = "all parameters", section = "7.1", options = takeover,
    offers = both .. "; server_max_window_bits=15; client_max_window_bits=15",
    answer = both .. "; server_max_window_bits=15" },
  { name = "server_max_window_bits of 15, which must be answered", section = "7.1.2.1",
    offers = plain .. "; server_max_window_bits=15",
    answer = both .. "; server_max_window_bits=15", agreement = { own_bits = 15 } },
  { name = "the first of two offers", section = "5.1", options = takeover,
    offers = plain .. "; server_max_window_bits=10, " .. plain,
    answer = plain .. "; server_max_window_bits=10" },
  { name = "an offer behind other extensions", section = "5.1", options = takeover,
    offers = 'x-foo; a="b", permessage-bzip2, ' .. plain, answer = plain },
  { name = "nothing", section = "5.1", offers = "" },

  -- what a client offers
  { name = "the offer", section = "7.1", offer = both .. "; client_max_window_bits" },
  { name = "the offer with takeover", section = "7.1", options = takeover,
    offer = plain .. "; client_max_window_bits" },
  { name = "the offer with small windows", section = "7.1.2", options = small,
    offer = plain .. "; server_max_window_bits=11; client_max_window_bits=10" },

  -- what a client makes of the answer
  { name = "no answer", section = "5.1", reply = "", agreement = { own_bits = 0 } },
  { name = "an answer without takeover", section = "7.1", reply = both,
    agreement = { own_bits = 15, peer_bits = 15, own_takeover = false, peer_takeover = false,
      peer_forgets = true } },
  { name = "a server that does not forget", section = "7.1.1.2",
    reply = plain .. "; server_no_context_takeover",
    agreement = { own_takeover = false, peer_takeover = false, peer_forgets = false } },
  { name = "a server that takes over where it must not", section = "7.1.1.1", reply = plain,
    error = "ACCEPT_EXTENSION" },
  { name = "a plain answer", section = "7.1", options = takeover, reply = plain,
    agreement = { own_takeover = true, peer_takeover = true } },
  { name = "an answer without takeover that was not asked for", section = "7.1.1",
    options = takeover, reply = both,
    agreement = { own_takeover = false, peer_takeover = false } },
  { name = "client_max_window_bits", section = "7.1.2.2", options = takeover,
    reply = plain .. "; client_max_window_bits=8", agreement = { own_bits = 8 } },
  { name = "client_max_window_bits above the offer's hint", section = "7.1.2.2", options = small,
    reply = plain .. "; client_max_window_bits=14; server_max_window_bits=11",
    agreement = { own_bits = 10, peer_bits = 11 } },
  { name = "a smaller window of the server", section = "7.1.2.1", options = small,
    reply = plain .. "; server_max_window_bits=8", agreement = { peer_bits = 8 } },
  { name = "a larger window of the server", section = "7.1.2.1", options = small,
    reply = plain .. "; server_max_window_bits=12", error = "ACCEPT_EXTENSION" },
  { name = "a window of the server that is not limited", section = "7.1.2.1", options = small,
    reply = plain, error = "ACCEPT_EXTENSION" },
  { name = "server_max_window_bits that was not offered", section = "7.1.2.1", options = takeover,
    reply = plain .. "; server_max_window_bits=10", agreement = { peer_bits = 10 } },
  { name = "a quoted value in the answer", section = "5.2", options = takeover,
    reply = plain .. '; server_max_window_bits="10"', agreement = { peer_bits = 10 } },
  { name = "client_max_window_bits without a value", section = "7.1.2.2", options = takeover,
    reply = plain .. "; client_max_window_bits", error = "ACCEPT_EXTENSION" },
  { name = "two answers", section = "5.1", options = takeover, reply = plain .. ", " .. plain,
    error = "ACCEPT_EXTENSION" },
  { name = "another extension behind it", section = "5.1", options = takeover,
    reply = plain .. ", x-foo", error = "ACCEPT_EXTENSION" },
}

for _, case in ipairs(declined) do
  local name, section, offers = case[1], case[2], case[3]
  cases[#cases + 1] = { name = name, section = section, options = takeover, offers = offers }
  cases[#cases + 1] = { name = name .. ", and a better offer", section = section,
    options = takeover, offers = offers .. ", " .. plain, answer = plain }
  if name ~= "server_max_window_bits of 8, which zlib cannot do" then
    cases[#cases + 1] = { name = name .. " in an answer", section = section, options = takeover,
      reply = offers, error = "ACCEPT_EXTENSION" }
  end
end

return cases
