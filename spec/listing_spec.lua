-- The page that lists a directory.

local listing = require "lunawire.listing"

local function links(...)
  local found = {}
  for link, text in listing.page(...):gmatch('<li><a href="([^"]*)">(.-)</a>\n') do
    found[#found + 1] = link .. " " .. text
  end
  return found
end

describe("a listing", function()
  it("has directories first, then files, in order", function()
    assert.same({ "./../ ../", "./a/ a/", "./c/ c/", "./b b", "./d d" },
      links("/x/", { "d", "c/", "b", "a/" }, false, false))
  end)

  it("leads up but not above the top", function()
    assert.same({ "./a a" }, links("/", { "a" }, false, true))
  end)

  it("has hidden names only when asked", function()
    assert.same({ "./a a" }, links("/", { "a", ".b", ".c/" }, false, true))
    assert.same({ "./.c/ .c/", "./.b .b", "./a a" }, links("/", { "a", ".b", ".c/" }, true, true))
  end)

  it("can be given no code by a name or an address", function()
    local evil = [[<script>alert("1")</script>&'.html]]
    local page = listing.page("/" .. evil, { evil, "javascript:alert(1)", "a b?c#d%" }, false, true)
    assert.is_nil(page:find("<script", 1, true))
    assert.is_truthy(page:find("<h1>/&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;",
      1, true))
    assert.is_truthy(page:find('"./%3Cscript%3Ealert%28%221%22%29%3C/script%3E%26%27.html"', 1,
      true))
    assert.is_truthy(page:find('"./javascript%3Aalert%281%29"', 1, true))
    assert.is_truthy(page:find('"./a%20b%3Fc%23d%25"', 1, true))
  end)
end)
