-- Where other servers do not do with random frames what the RFCs say, for differential_spec.lua.
--
-- peers, fault (as in spec/random_frames.lua), codes (those that they close with instead), messages
-- (true: they also deliver others), section and reason (why the RFC does not agree), transcript (a
-- case of spec/vectors that holds us to it).

local both = { ws = true, websockets = true }

return {
  { peers = both, fault = "length_16_not_minimal", codes = { 1000, 1007 }, messages = true,
    section = "6455 5.2", transcript = "125 in 16 bits",
    reason = "the minimal number of bytes MUST be used to encode the length; they take any form" },
  { peers = both, fault = "length_64_not_minimal", codes = { 1000, 1007 }, messages = true,
    section = "6455 5.2", transcript = "less than 65536 in 64 bits",
    reason = "the minimal number of bytes MUST be used to encode the length; they take any form" },
  { peers = both, fault = "length_top_bit", codes = { 1009 },
    section = "6455 5.2", transcript = "top bit of a 64-bit length",
    reason = "the most significant bit MUST be 0, so it is no length at all; they say too big" },
  { peers = { ws = true }, fault = "utf8_unfinished", codes = { 1000, 1002 },
    section = "6455 8.1", transcript = "overlong over two fragments",
    reason = "a stream that is not UTF-8 MUST fail; it only looks at messages that are whole" },
  { peers = both, fault = "deflate_data", codes = { 1000 }, messages = true,
    section = "7692 7.2.2", transcript = "a message that breaks off in a block",
    reason = "the data does not end where a block does; they deliver what they inflated so far" },
  { peers = { websockets = true }, fault = "deflate_data", codes = { 1002 },
    section = "6455 7.4.1", transcript = "a block of type 3",
    reason = "1007 is for data that is not what the type says, which comes nearest" },
}
