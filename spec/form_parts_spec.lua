-- What the head of a form's part says, and which file names come of it.

local form_parts = require "lunawire.form_parts"

local function describe_part(disposition, others)
  local fields = others or {}
  fields["content-disposition"] = disposition
  return form_parts.describe(fields)
end

describe("a part of a form", function()
  it("has a name, and a file name when it is a file", function()
    assert.same({ name = "a" }, describe_part('form-data; name="a"'))
    assert.same({ name = "", file_name = "" }, describe_part('Form-Data; name=; filename=""'))
    assert.same({ name = "f", file_name = "x.png", type = "image/png" },
      describe_part('form-data; name="f"; filename="x.png"', { ["content-type"] = "image/png" }))
  end)

  it("has names as browsers and others write them", function()
    assert.equal('a"b\r\nc', describe_part('form-data; name="a%22b%0D%0Ac"').name)
    assert.equal('a"b', describe_part('form-data; name="a\\"b"').name)
    assert.equal("50%25", describe_part('form-data; name="50%25"').name)
    assert.equal("\195\164", describe_part('form-data; name="\195\164"').name)
  end)

  it("is refused without a name, as another thing or in an encoding", function()
    for _, disposition in ipairs { "", "form-data", 'attachment; name="a"', "form-data; name",
        'form-data; filename="a"', 'form-data; name*=UTF-8\'\'a' } do
      assert.same({ nil, "a part of the form has no name" }, { describe_part(disposition) })
    end
    assert.is_nil((form_parts.describe {}))
    local given = 'form-data; name="a"'
    assert.is_nil((describe_part(given, { ["content-transfer-encoding"] = "base64" })))
    assert.is_table((describe_part(given, { ["content-transfer-encoding"] = "8Bit" })))
  end)
end)

describe("a file name", function()
  for given, expected in pairs {
    ["a.txt"] = "a.txt", ["/etc/passwd"] = "passwd", ["../../a"] = "a", ["C:\\x\\a.doc"] = "a.doc",
    ["a/"] = "unnamed", [".."] = "unnamed", ["."] = "unnamed", [""] = "unnamed",
    ["a\0b\r\n"] = "ab", ["..\\..\\"] = "unnamed", ["\1"] = "unnamed", [".bashrc"] = ".bashrc",
    ["a b;c"] = "a b;c",
  } do
    it(("%q becomes %q"):format(given, expected), function()
      assert.equal(expected, form_parts.base_name(given))
    end)
  end

  it("is cut where a character begins", function()
    local name = form_parts.base_name(("\195\164"):rep(200) .. ".txt")
    assert.equal(254, #name)
    assert.matches("^\195\164.*%.txt$", name)
    assert.equal(255, #form_parts.base_name(("x"):rep(1000)))
  end)
end)
