-- Text without the white space around it. The usual patterns for this take time that grows with the
-- square of the white space in it, and what is trimmed comes from a peer.

return function(text)
  local from = text:find("%S")
  return from and text:match(".*%S", from) or ""
end
