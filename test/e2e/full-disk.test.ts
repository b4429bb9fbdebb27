import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder, storeContext } from "./scripted-builder.ts";
import {
  buildJson,
  isRoot,
  leftovers,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  tspack,
} from "./tspack.ts";

const megabyte = 1_000_000;

describe.skipIf(!isRoot)(`a full disk${isRoot ? "" : " (skipped: needs root)"}`, () => {
  let directory = "";
  let person: Person;
  beforeAll(async () => {
    directory = scratchDirectory("full-disk");
    const from = await self();
    await makeScriptedBuilder(from, join(directory, "builder"));
    person = { uid: undefined, home: join(directory, "home") };
    mkdirSync(person.home);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=700m", "tmpfs", person.home]);
    const [source, target] = [from, person].map(({ home }) => layoutStore(join(home, "data/images")));
    for (const name of [scriptedBuilder, "tspack.local/run:bookworm"]) {
      const image = await source?.resolve(parseReference(name));
      if (image !== undefined) await target?.write(image, [parseReference(name)], { ctx: storeContext });
    }
  });
  afterAll(() => {
    execFileSync("umount", ["-l", person.home]);
    removeAll(directory);
  });

  it("ends the build with DISK_FULL wherever it happens; what was there stays, and the next build works", async () => {
    const small = ["e2e/disk", "--path", app("small", 1), "--builder", scriptedBuilder];
    const large = ["e2e/disk", "--path", app("large", 30), "--builder", scriptedBuilder];
    const first = await buildJson(person, small);
    // Too little for the application's copy, for what buildpacks write, for the packed layer.
    for (const free of [0, 1, 20, 45]) {
      const filler = fill(free);
      const result = await tspack(person, ["build", ...large]);
      expect([free, result.code, result.stderr]).toEqual([
        free,
        expect.any(Number),
        expect.stringMatching(/^error (DISK_FULL|BUILDPACK_FAILED|BUILD_FAILED|DETECT_ERROR): /m),
      ]);
      if (!/^error DISK_FULL/m.test(result.stderr)) expect(result.stderr).toMatch(/No space left|no space left|ENOSPC/);
      expect(result.stderr).toContain("hint: ");
      expect(result.stderr).not.toContain("internal error");
      rmSync(filler);
      expect(leftovers(person).filter((line) => !line.includes(" - tmpfs "))).toEqual([]);
      expect(JSON.parse((await tspack(person, ["inspect", "--json", "e2e/disk"])).stdout)).toMatchObject({
        digest: first.digest,
      });
    }
    expect((await buildJson(person, large)).digest).not.toBe(first.digest);
  });

  it("is told while the default builder is made", async () => {
    const filler = fill(2);
    const result = await tspack(person, ["build", "e2e/disk", "--path", packageFile("samples/node-hello")]);
    rmSync(filler);
    expect(result.stderr).toContain("error DISK_FULL: ");
    expect(result.stderr).toContain("hint: ");
    expect(result.code).toBe(1);
    expect(leftovers(person).filter((line) => !line.includes(" - tmpfs "))).toEqual([]);
  });

  function app(name: string, megabytes: number): string {
    return scriptedApp(join(directory, name), {
      build: `mkdir -p "$CNB_LAYERS_DIR/data"; head -c ${megabytes * megabyte} /dev/urandom > "$CNB_LAYERS_DIR/data/file" || exit 9
        printf "[types]\\nlaunch = true\\n" > "$CNB_LAYERS_DIR/data.toml"`,
    });
  }

  /** Leaves this many megabytes free. */
  function fill(free: number): string {
    const { bavail, bsize } = statfsSync(person.home);
    const path = join(person.home, "filler");
    execFileSync("fallocate", [
      "-l",
      String(Math.max(1, bavail * bsize - free * megabyte - 65_536 * (free === 0 ? 0 : 1))),
      path,
    ]);
    return path;
  }
});
