// Runs scenarios one after the other and prints a line for each: "ok name" or "failed name: why".
import { deepStrictEqual } from "node:assert";

export const equal = (got, wanted) => deepStrictEqual(got, wanted);

const limit = seconds => new Promise((_, reject) => {
  setTimeout(() => reject(new Error(`took longer than ${seconds} s`)), seconds * 1000).unref();
});

// scenarios: { name: async function }. names: those to run, all when empty.
export async function run(scenarios, names, seconds = 60) {
  for (const name of names.length > 0 ? names : Object.keys(scenarios)) {
    try {
      await Promise.race([scenarios[name](), limit(seconds)]);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`failed ${name}: ${String(error.stack ?? error).replaceAll("\n", "\t")}`);
    }
  }
}
