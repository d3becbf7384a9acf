-- busted's output for ./dev: each file as it begins and each failure as it happens, so that a run
-- that hangs says how far it came, then one line "N passed, N failed, N skipped".

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local file

  local function say(text)
    io.stdout:write(text, "\n")
    io.stdout:flush()
  end

  local function failed(element, parent, message, trace)
    local problem = handler.format(element, parent, message, trace)
    local place = problem.element.trace or problem.trace or {}
    say(("\nFAILED %s:%s: %s\n%s"):format(place.short_src or file or "?", place.currentline or "?",
      problem.name, tostring(problem.message)))
    if element.descriptor ~= "it" and place.traceback then say(place.traceback) end
    return nil, true
  end

  handler:subscribe(options)
  busted.subscribe({ "file", "start" }, function(element)
    file = element.name
    io.stdout:write(("%-32s "):format(file))
    io.stdout:flush()
    return nil, true
  end)
  busted.subscribe({ "failure" }, failed)
  busted.subscribe({ "error" }, failed)
  busted.subscribe({ "file", "end" }, function(element)
    say(("%6.2f s"):format(element.duration or 0))
    return nil, true
  end)
  busted.subscribe({ "suite", "end" }, function()
    for _, pending in ipairs(handler.pendings) do say("skipped: " .. pending.name) end
    say(("%d passed, %d failed, %d skipped"):format(handler.successesCount,
      handler.failuresCount + handler.errorsCount, handler.pendingsCount))
    return nil, true
  end)

  handler.subscribe = function() end -- done above, before ours
  return handler
end
