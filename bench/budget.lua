-- What a message may cost outside of the kernel, in instructions: bench/instructions.lua compares.
-- One connection, so that each wake-up does the same. A large copy counts an instruction per byte.
return {
  { name = "echo of 20 B", mode = "echo", conns = 1, size = 20, budget = 3270 },
  { name = "echo of 20 B, 16 in flight", mode = "echo", conns = 1, size = 20, depth = 16,
    budget = 2100 },
  { name = "echo of 1 KiB", mode = "echo", conns = 1, size = 1024, budget = 4210 },
  { name = "echo of 16 KiB", mode = "echo", conns = 1, size = 16384, budget = 25700 },
  { name = "request, answered with hello", mode = "request", conns = 1, budget = 12400 },
  { name = "connect, upgrade, close", mode = "churn", conns = 50, budget = 12200 },
  { name = "publish of 100 B to 50", mode = "publish", conns = 50, size = 100, budget = 586 },
}
