import { createServer } from "node:http";
import { existsSync } from "node:fs";
import { loadImage } from "./images.ts";
import type { CaseJob, CaseResult } from "./job.ts";
import { placeLauncher, runProgram } from "./program.ts";
import { makeTree, readTree } from "./tree.ts";

/** Runs one case of `18-errors` in a file system of its own. */
export async function runCaseJob({ errorCase, registry, golden, lifecycle }: CaseJob): Promise<CaseResult> {
  makeTree(errorCase.tree);
  placeLauncher();
  for (const [name, layout] of Object.entries(registry)) {
    const [repository = "", tag = "latest"] = name.split(":");
    await loadImage("http://127.0.0.1:80", `${golden}/${layout}`, repository, tag);
  }
  const denied = createServer((_, response) =>
    response.writeHead(401, { "www-authenticate": 'Basic realm="denied"' }).end(),
  );
  await new Promise<void>((resolve) => denied.listen(80, "127.0.0.2", resolve));
  const result = await runProgram(lifecycle, errorCase);
  denied.close();
  return { ...result, leaves: existsSync("/layers") ? readTree("/layers") : [] };
}
