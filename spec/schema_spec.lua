-- The rows of the options: that all that is written there is read.

local helper = require "spec.helper"
local schema = require "lunawire.schema"

describe("the schema", function()
  it("has a row for every two lines of its text", function()
    local lines, rows = {}, {}
    local text = helper.read("lua/lunawire/schema.lua"):match("%[%[\n(.-)%]%]")
    for line in text:gmatch("[^\n]+") do
      if not line:find("^%-%- ") then lines[#lines + 1] = line end
    end
    for _, option in ipairs(schema.rows()) do
      rows[#rows + 1] = ("%s (%s) %s"):format(option.name, option.scopes, option.kind)
      rows[#rows + 1] = "  " .. option.doc
    end
    assert.equal(#lines, #rows)
    for i, line in ipairs(lines) do assert.equal(rows[i], line:sub(1, #rows[i])) end
  end)

  it("says in a line what each option does", function()
    for _, option in ipairs(schema.rows()) do
      assert.is_true(#option.doc > 5 and not option.doc:find("\n"))
    end
  end)

  it("has defaults and ranges of the right type", function()
    local by_name = schema.scope("serve").by_name
    assert.equal("127.0.0.1", by_name.host.default)
    assert.is_false(by_name.reuse_port.default)
    assert.equal(511, by_name.backlog.default)
    assert.equal(1, by_name.backlog.min)
    assert.equal(65535, by_name.backlog.max)
    assert.equal("1M", by_name.max_message.default)
    assert.equal(0.001, by_name.close_timeout.min)
    assert.is_nil(by_name.port.default)
    assert.equal("", schema.scope("drain").by_name.reason.default)
  end)

  it("gives each scope its own options, in the order of the text", function()
    assert.same({ "over", "code", "reason" }, schema.scope("drain").names)
    assert.same({ "max_body", "handler" }, schema.scope("page").names)
    assert.equal("tls_server", schema.scope("reload").by_name.tls.kind)
    assert.equal("tls_client", schema.scope("connect").by_name.tls.kind)
    assert.is_nil(schema.scope("serve").by_name.timeout)
  end)
end)
