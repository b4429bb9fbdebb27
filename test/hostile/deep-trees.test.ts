import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { packDirectory } from "../../lifecycle/layers/pack-directory.ts";
import { here } from "../../lifecycle/layers/place.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { inPhase } from "../../lifecycle/phases/in-phase.ts";
import { removeTree } from "../../lifecycle/platform/rootfs.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { within } from "./bounds.ts";

// A build that goes round in circles makes paths that are longer than any call of the system takes.
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tspack-deep-"));
  mkdirSync(join(root, "tree/beside"), { recursive: true });
  const name = "d".repeat(200);
  const script = `cd tree; i=0; while [ $i -lt 60 ]; do mkdir ${name}; touch file; cd -P ${name}; i=$((i+1)); done; chmod 500 .`;
  execFileSync("/bin/sh", ["-c", script], { cwd: root });
});
afterEach(() => execFileSync("rm", ["-rf", root]));

test("a tree that is too deep is removed", async () => {
  await within(10_000, () => removeTree(join(root, "tree")));
  expect(existsSync(join(root, "tree"))).toBe(false);
});

test("a tree that is too deep for a layer fails with the path, soon", async () => {
  const ctx = {
    logger: silentLogger,
    progress: silentProgress,
    clock: () => new Date(),
    signal: AbortSignal.timeout(60_000),
  };
  const failure = { code: "EXPORT_FAILED", prefix: "failed to export", keep: [], signal: ctx.signal } as const;
  const pack = (): Promise<unknown> =>
    inPhase(failure, () => packDirectory(here(join(root, "tree")), { owner: { uid: 0, gid: 0 } }, memoryBlobCache()));
  await within(10_000, () =>
    expect(pack()).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message: expect.stringContaining("cannot read"),
    }),
  );
});
