-- The object that req:form() returns. How it is filled is in form_reader_spec.lua.

local form = require "lunawire.form"

describe("a form", function()
  local function filled()
    local self = form.new()
    form.add_value(self, "a", "1")
    form.add_value(self, "b", "x")
    form.add_value(self, "a", "2")
    return self
  end

  it("has the last value of each name, and all of them", function()
    local self = filled()
    assert.equal("2", self.a)
    assert.equal("x", self.b)
    assert.is_nil(self.c)
    assert.same({ "1", "2" }, self:all("a"))
    assert.same({}, self:all("c"))
    assert.same({ "a", "b" }, self:names())
  end)

  it("keeps its methods whatever names come", function()
    local self = filled()
    for _, name in ipairs { "all", "names", "file", "files", "__index", "__gc", "__metatable" } do
      form.add_value(self, name, "value")
    end
    assert.same({ "value" }, self:all("all"))
    assert.same({ "value" }, self:all("__index"))
    assert.equal("value", self.__index)
    assert.equal(9, #self:names())
    assert.is_nil(self:file("file"))
    assert.equal("table", type(getmetatable(self)))
  end)

  it("hands out copies", function()
    local self = filled()
    self:all("a")[1] = "changed"
    assert.same({ "1", "2" }, self:all("a"))
  end)

  it("has the last file of each name, and all of them", function()
    local self, closed = filled(), 0
    local handle = { path = function() return "/x" end, close = function() closed = closed + 1 end }
    for _, name in ipairs { "one", "two" } do
      form.add_file(self, form.new_file({ field = "f", name = name, type = "a/b" }, handle))
    end
    assert.equal("two", self:file("f").name)
    assert.equal(2, #self:files())
    assert.equal(2, #self:files("f"))
    assert.same({}, self:files("a"))
    assert.is_nil(self:file("a"))
    assert.equal("/x", self:file("f").path)
    form.discard(self)
    form.discard(self)
    assert.equal(2, closed)
    assert.equal("CLOSED", select(3, self:file("f"):move("/y")))
  end)
end)
